-- News of a refund or a dispute name the payment only.
CREATE INDEX attempt_by_payment ON attempt (payment);
