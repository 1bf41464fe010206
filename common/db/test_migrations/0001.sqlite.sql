-- What a room's first step looks like, quotes and all.
CREATE TABLE tour (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL DEFAULT 'no "name"? \ it''s empty',
    seats INTEGER NOT NULL CHECK (seats >= 0),
    open INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE note (
    number INTEGER PRIMARY KEY,
    tour_id BLOB NOT NULL REFERENCES tour (id),
    body TEXT UNIQUE
) STRICT;
