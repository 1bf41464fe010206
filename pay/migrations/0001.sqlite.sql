-- payd's own book: attempts, the provider's notifications, the numbered events for the shop.
CREATE TABLE attempt (
    id            BLOB PRIMARY KEY,
    booking       BLOB NOT NULL,
    request       BLOB NOT NULL,
    client_token  TEXT NOT NULL,
    provider      TEXT NOT NULL,
    state         INTEGER NOT NULL,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    currency      TEXT NOT NULL,
    lang          INTEGER NOT NULL,
    description   TEXT NOT NULL,
    expires_us    INTEGER NOT NULL,
    created_us    INTEGER NOT NULL,
    changed_us    INTEGER NOT NULL,
    session       TEXT,
    payment       TEXT,
    url           TEXT,
    captured_minor INTEGER NOT NULL DEFAULT 0,
    refunded_minor INTEGER NOT NULL DEFAULT 0,
    refund_due_minor INTEGER NOT NULL DEFAULT 0,
    refund_request BLOB,
    look_at_us    INTEGER NOT NULL,
    looks         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (booking, client_token)
);
CREATE INDEX attempt_by_session ON attempt (session);
CREATE INDEX attempt_by_booking ON attempt (booking);
CREATE INDEX attempt_due ON attempt (look_at_us);
CREATE TABLE notice (
    seq          INTEGER PRIMARY KEY,
    provider     TEXT NOT NULL,
    event        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    request      BLOB NOT NULL,
    received_us  INTEGER NOT NULL,
    raw_sealed   BLOB NOT NULL,
    raw_sha256   BLOB NOT NULL,
    facts        BLOB NOT NULL,
    state        INTEGER NOT NULL,
    reason       TEXT NOT NULL DEFAULT '',
    UNIQUE (provider, event)
);
CREATE INDEX notice_open ON notice (state, seq);
CREATE TABLE event (
    seq          INTEGER PRIMARY KEY,
    attempt      BLOB NOT NULL,
    booking      BLOB NOT NULL,
    request      BLOB NOT NULL,
    state        INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    time_us      INTEGER NOT NULL
);
