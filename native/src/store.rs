//! What is stored: users, sessions, guilds, channels, invites, membership, presences and the operator's keys.
