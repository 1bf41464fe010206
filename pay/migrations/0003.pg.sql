-- One row: this book came from a backup. Payments stay closed until the provider was asked for everything since.
CREATE TABLE restored (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    backup_us     BIGINT NOT NULL,
    restored_us   BIGINT NOT NULL,
    reconciled_us BIGINT NOT NULL DEFAULT 0
);
