-- One mark that the health page makes anew: the database can be written, not only read.
CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), at_us INTEGER NOT NULL) STRICT;
INSERT INTO pulse (one, at_us) VALUES (1, 0);
