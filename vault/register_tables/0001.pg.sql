-- The vault's own book beside its keys: ids and staff's words only, no key and nothing about a person but the subject id.

-- A person who may not be erased while the row stands.
CREATE TABLE hold (
    subject BYTEA PRIMARY KEY, since_us BIGINT NOT NULL, asked TEXT NOT NULL, by_whom TEXT NOT NULL, ref TEXT NOT NULL
);
-- Erasures that were begun and whose outcome is not on record yet; each start goes on with them.
CREATE TABLE erasure (
    subject BYTEA PRIMARY KEY, pseudonym BYTEA NOT NULL, request BYTEA NOT NULL, asked TEXT NOT NULL, by_whom TEXT NOT NULL,
    ref TEXT NOT NULL, slot BIGINT NOT NULL, keys BIGINT NOT NULL
);
-- Persons who do not exist: asking for one is an alarm.
CREATE TABLE honey (subject BYTEA PRIMARY KEY, made_us BIGINT NOT NULL);
