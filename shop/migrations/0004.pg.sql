-- The minimum number of participants, decided at a deadline. Same in 0004.sqlite.sql.
-- decide_us 0: decided by hand, as all departures were until now.
ALTER TABLE departure ADD COLUMN decide_us BIGINT NOT NULL DEFAULT 0;
CREATE INDEX departure_undecided ON departure(decide_us) WHERE (flags & 17) = 0 AND decide_us > 0;
-- kind: 1 it runs, 2 it was called off. sold: people who had paid then. done: everybody was told, all money ordered back.
CREATE TABLE decision (
    departure BYTEA PRIMARY KEY REFERENCES departure(id), kind BIGINT NOT NULL CHECK (kind IN (1, 2)),
    at_us BIGINT NOT NULL, sold BIGINT NOT NULL CHECK (sold >= 0), min_pax BIGINT NOT NULL,
    done BIGINT NOT NULL, request BYTEA NOT NULL,
    CHECK ((kind = 1) = (sold >= min_pax))
);
CREATE INDEX decision_open ON decision(at_us) WHERE done = 0;
