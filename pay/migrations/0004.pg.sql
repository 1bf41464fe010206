-- One mark that is made anew every few seconds: the book can be written, not only read.
CREATE TABLE pulse (one BIGINT PRIMARY KEY CHECK (one = 1), at_us BIGINT NOT NULL);
INSERT INTO pulse (one, at_us) VALUES (1, 0);
