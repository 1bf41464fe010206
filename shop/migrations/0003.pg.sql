-- Several pools for one booking: seats (departure.inventory, one for each person) and rooms. Same in 0003.sqlite.sql.
-- A kind of room that a departure offers: its pool counts rooms. Two departures may share a pool (one block of a hotel).
CREATE TABLE room (
    departure BYTEA NOT NULL REFERENCES departure(id), n BIGINT NOT NULL CHECK (n BETWEEN 1 AND 8),
    inventory BYTEA NOT NULL REFERENCES inventory(id), ja TEXT NOT NULL, en TEXT NOT NULL,
    PRIMARY KEY (departure, n)
);
-- How many may share it, and what a room costs beyond the fares of those in it.
CREATE TABLE room_price (
    departure BYTEA NOT NULL, n BIGINT NOT NULL, guests BIGINT NOT NULL CHECK (guests BETWEEN 1 AND 4),
    extra BIGINT NOT NULL CHECK (extra BETWEEN 0 AND 10000000),
    PRIMARY KEY (departure, n, guests), FOREIGN KEY (departure, n) REFERENCES room(departure, n)
);
-- What a booking took, as it was offered then.
CREATE TABLE booking_room (
    booking BYTEA NOT NULL REFERENCES booking(id), n BIGINT NOT NULL,
    guests BIGINT NOT NULL CHECK (guests BETWEEN 1 AND 4), rooms BIGINT NOT NULL CHECK (rooms BETWEEN 1 AND 8),
    extra BIGINT NOT NULL CHECK (extra BETWEEN 0 AND 10000000), ja TEXT NOT NULL, en TEXT NOT NULL,
    PRIMARY KEY (booking, n, guests)
);
-- A booking has one row in a pool for its whole life: no fault above can take from a pool twice for it.
-- (Seats taken again after a late payment had got a second row; the first, given back, says nothing any more.)
DELETE FROM hold WHERE state = 3 AND EXISTS (SELECT 1 FROM hold o
    WHERE o.booking = hold.booking AND o.inventory = hold.inventory AND o.id > hold.id);
DROP INDEX hold_booking;
CREATE UNIQUE INDEX hold_booking ON hold(booking, inventory);
