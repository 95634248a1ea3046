-- When a key ends by itself; null for never.
ALTER TABLE operator_keys ADD COLUMN expires_at BIGINT;
CREATE INDEX operator_keys_by_expiry ON operator_keys (expires_at);
