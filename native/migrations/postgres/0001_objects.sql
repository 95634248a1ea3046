-- What the platform's state is made of. `data` is the whole JSON object as clients see it, `id` included, so that fields
-- which Sanmon knows nothing of survive. Times are Unix milliseconds. `..._seq` are numbers of
-- changes: the places of their entries in the log are known to nodes alone.

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    data TEXT NOT NULL
);

-- `chosen` is what the user asked for, `shown` what others see now (null while offline): both a presence's `d`.
CREATE TABLE presences (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    chosen TEXT,
    shown TEXT
);

CREATE TABLE sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE operator_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE guilds (
    id BIGINT NOT NULL PRIMARY KEY,
    owner BIGINT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX guilds_by_owner ON guilds (owner);

-- One row for each stay of a user in a guild, from its first change to its last, both included; `left_seq` is null
-- while the stay lasts. Past stays are kept until the log has forgotten their last place: replay asks for them.
CREATE TABLE members (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    joined_seq BIGINT NOT NULL,
    left_seq BIGINT,
    PRIMARY KEY (guild_id, user_id, joined_seq)
);
CREATE INDEX members_by_user ON members (user_id);
CREATE UNIQUE INDEX members_now ON members (guild_id, user_id) WHERE left_seq IS NULL;
CREATE INDEX members_past ON members (left_seq) WHERE left_seq IS NOT NULL;

CREATE TABLE channels (
    id BIGINT NOT NULL PRIMARY KEY,
    guild_id BIGINT NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX channels_by_guild ON channels (guild_id, position, id);

CREATE TABLE invites (
    code TEXT NOT NULL PRIMARY KEY,
    guild_id BIGINT NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    inviter_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    max_uses BIGINT,
    uses BIGINT NOT NULL
);
CREATE INDEX invites_by_guild ON invites (guild_id);
CREATE INDEX invites_by_inviter ON invites (inviter_id);
CREATE INDEX invites_by_expiry ON invites (expires_at);
