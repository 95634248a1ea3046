//! The one ordered event log: every event's place, its durability, and what a client that comes back has missed.
