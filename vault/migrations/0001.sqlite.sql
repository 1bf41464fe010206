-- Hashes of passwords: an account's id and an Argon2id string, which names its own parameters. Nothing else.
CREATE TABLE password (
    account BLOB PRIMARY KEY,
    hash TEXT NOT NULL,
    changed_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
