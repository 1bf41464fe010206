-- Doubt, notifications by attempt, and one live attempt a booking as a rule of the database itself.
ALTER TABLE attempt ADD COLUMN doubt TEXT NOT NULL DEFAULT '';
ALTER TABLE attempt ADD COLUMN told_minor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN settle INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notice ADD COLUMN attempt BLOB;
CREATE UNIQUE INDEX attempt_one_live ON attempt (booking) WHERE state IN (1, 2, 9);
