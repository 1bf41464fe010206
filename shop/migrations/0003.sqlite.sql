-- Cancellation fees. fee_product: fees/fee_terms.h; start_min: when service begins on the departure day, minutes of
-- Tokyo time (1440: not known, then the whole day counts as before the start). A tour's own fee tables as text
-- (fees/fee_terms.h); none: the standard terms'.
ALTER TABLE tour ADD COLUMN fee_product INTEGER NOT NULL DEFAULT 1 CHECK (fee_product BETWEEN 1 AND 6);
ALTER TABLE departure ADD COLUMN start_min INTEGER NOT NULL DEFAULT 1440 CHECK (start_min BETWEEN 0 AND 1440);
CREATE TABLE fee_terms (
    tour BLOB NOT NULL REFERENCES tour(id), n INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (tour, n)
) STRICT;
