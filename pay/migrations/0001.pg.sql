-- payd's own book: attempts, the provider's notifications, the numbered events for the shop.
CREATE TABLE attempt (
    id            BYTEA PRIMARY KEY,
    booking       BYTEA NOT NULL,
    request       BYTEA NOT NULL,
    client_token  TEXT NOT NULL,
    provider      TEXT NOT NULL,
    state         BIGINT NOT NULL,
    amount_minor  BIGINT NOT NULL CHECK (amount_minor > 0),
    currency      TEXT NOT NULL,
    lang          BIGINT NOT NULL,
    description   TEXT NOT NULL,
    expires_us    BIGINT NOT NULL,
    created_us    BIGINT NOT NULL,
    changed_us    BIGINT NOT NULL,
    session       TEXT,
    payment       TEXT,
    url           TEXT,
    captured_minor BIGINT NOT NULL DEFAULT 0,
    refunded_minor BIGINT NOT NULL DEFAULT 0,
    refund_due_minor BIGINT NOT NULL DEFAULT 0,
    refund_request BYTEA,
    look_at_us    BIGINT NOT NULL,
    looks         BIGINT NOT NULL DEFAULT 0,
    UNIQUE (booking, client_token)
);
CREATE INDEX attempt_by_session ON attempt (session);
CREATE INDEX attempt_by_booking ON attempt (booking);
CREATE INDEX attempt_due ON attempt (look_at_us);
CREATE TABLE notice (
    seq          BIGINT PRIMARY KEY,
    provider     TEXT NOT NULL,
    event        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    request      BYTEA NOT NULL,
    received_us  BIGINT NOT NULL,
    raw_sealed   BYTEA NOT NULL,
    raw_sha256   BYTEA NOT NULL,
    facts        BYTEA NOT NULL,
    state        BIGINT NOT NULL,
    reason       TEXT NOT NULL DEFAULT '',
    UNIQUE (provider, event)
);
CREATE INDEX notice_open ON notice (state, seq);
CREATE TABLE event (
    seq          BIGINT PRIMARY KEY,
    attempt      BYTEA NOT NULL,
    booking      BYTEA NOT NULL,
    request      BYTEA NOT NULL,
    state        BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency     TEXT NOT NULL,
    time_us      BIGINT NOT NULL
);
