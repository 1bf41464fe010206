-- Cancellation fees. fee_product: fees/fee_terms.h; start_min: when service begins on the departure day, minutes of
-- Tokyo time (1440: not known, then the whole day counts as before the start). A tour's own fee tables as text
-- (fees/fee_terms.h); none: the standard terms'.
ALTER TABLE tour ADD COLUMN fee_product BIGINT NOT NULL DEFAULT 1 CHECK (fee_product BETWEEN 1 AND 6);
ALTER TABLE departure ADD COLUMN start_min BIGINT NOT NULL DEFAULT 1440 CHECK (start_min BETWEEN 0 AND 1440);
CREATE TABLE fee_terms (
    tour BYTEA NOT NULL REFERENCES tour(id), n BIGINT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (tour, n)
);

-- People who were cancelled out of a paid booking, and each cancellation: what it cost, what went back, and the explanation as the
-- customer saw it before confirming (a sentence a line, in `lang`).
ALTER TABLE traveller ADD COLUMN cancelled_us BIGINT NOT NULL DEFAULT 0;
CREATE TABLE cancellation (
    id BYTEA PRIMARY KEY, booking BYTEA NOT NULL REFERENCES booking(id), at_us BIGINT NOT NULL, effective_day BIGINT NOT NULL,
    adults BIGINT NOT NULL CHECK (adults >= 0), children BIGINT NOT NULL CHECK (children >= 0),
    fee BIGINT NOT NULL CHECK (fee >= 0), refund BIGINT NOT NULL CHECK (refund >= 0),
    lang BIGINT NOT NULL, explanation TEXT NOT NULL, request BYTEA NOT NULL
);
CREATE INDEX cancellation_booking ON cancellation(booking, at_us);
