-- The event log of one machine. `seq` is SQLite's own row number, so that an entry costs one tree and no index.
CREATE TABLE log (
    seq INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    audience TEXT NOT NULL,
    change TEXT,
    event TEXT
);

-- One row. The log's last place outlives its entries, so that no place is ever given twice; the last id that was made does
-- so against a clock that was set back.
CREATE TABLE log_state (
    id BIGINT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_id BIGINT NOT NULL
);

-- What a publish with a key was answered: the entries `first_seq` to `first_seq + entries - 1`.
CREATE TABLE idempotency (
    idempotency_key TEXT NOT NULL PRIMARY KEY,
    body_hash TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (at);
