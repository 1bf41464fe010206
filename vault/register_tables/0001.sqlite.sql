-- The vault's own book beside its keys: ids and staff's words only, no key and nothing about a person but the subject id.

-- A person who may not be erased while the row stands.
CREATE TABLE hold (
    subject BLOB PRIMARY KEY, since_us INTEGER NOT NULL, asked TEXT NOT NULL, by_whom TEXT NOT NULL, ref TEXT NOT NULL
) STRICT;
-- Erasures that were begun and whose outcome is not on record yet; each start goes on with them.
CREATE TABLE erasure (
    subject BLOB PRIMARY KEY, pseudonym BLOB NOT NULL, request BLOB NOT NULL, asked TEXT NOT NULL, by_whom TEXT NOT NULL,
    ref TEXT NOT NULL, slot INTEGER NOT NULL, keys INTEGER NOT NULL
) STRICT;
-- Persons who do not exist: asking for one is an alarm.
CREATE TABLE honey (subject BLOB PRIMARY KEY, made_us INTEGER NOT NULL) STRICT;
