-- The outbox: what changes emitted, committed with them, until it is relayed to the log that all nodes share. `seq` is the
-- number of the change.
CREATE TABLE log (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    audience TEXT NOT NULL,
    change TEXT,
    event TEXT
);

-- One row, which each transaction that writes locks first: so they follow one another, whichever node makes them. The last
-- number outlives the outbox, and the last id a clock that was set back.
CREATE TABLE log_state (
    id BIGINT NOT NULL PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    last_id BIGINT NOT NULL
);

-- What was published with which key. The log itself knows the places; `first_seq` and `entries` are 0.
CREATE TABLE idempotency (
    idempotency_key TEXT NOT NULL PRIMARY KEY,
    body_hash TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (at);

-- One row for each run of a node, named by an id that it made. `ended` is 1 once others take its rows below away, then this
-- row; a run without a row, or one that has ended, writes nothing more.
CREATE TABLE presence_runs (
    run BIGINT NOT NULL PRIMARY KEY,
    node BIGINT NOT NULL,
    ended BIGINT NOT NULL
);

-- How each run of a node shows a user; `presences.shown` is what comes of them. `written`, the number of a change, says which
-- of two equally present ones is newer.
CREATE TABLE presence_nodes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    run BIGINT NOT NULL,
    shown TEXT NOT NULL,
    written BIGINT NOT NULL,
    PRIMARY KEY (user_id, run)
);
CREATE INDEX presence_nodes_by_run ON presence_nodes (run, user_id);
