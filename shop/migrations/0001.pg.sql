-- The shop's tables, PostgreSQL. Same names and meanings in 0001.sqlite.sql. Personal data stands here sealed only
-- (columns of type BYTEA in representative, traveller, account); *_index are the vault's blind indexes. Days are
-- days since 1970-01-01, instants microseconds UTC, money whole yen. Card data has no column anywhere (law 5).

CREATE TABLE place (
    code TEXT PRIMARY KEY, ja TEXT NOT NULL, en TEXT NOT NULL, sort BIGINT NOT NULL
);
CREATE TABLE city (
    code TEXT PRIMARY KEY, ja TEXT NOT NULL, en TEXT NOT NULL, sort BIGINT NOT NULL
);

-- Offices and the agency itself are configuration (the agency file), not rows; departure.office is a code there.

CREATE TABLE tour (
    id BYTEA PRIMARY KEY, slug TEXT NOT NULL UNIQUE, place TEXT NOT NULL REFERENCES place(code),
    picture TEXT NOT NULL, days BIGINT NOT NULL, nights BIGINT NOT NULL, featured BIGINT NOT NULL,
    sort BIGINT NOT NULL,
    title_ja TEXT NOT NULL, title_en TEXT NOT NULL, lead_ja TEXT NOT NULL, lead_en TEXT NOT NULL,
    alt_ja TEXT NOT NULL, alt_en TEXT NOT NULL, includes_ja TEXT NOT NULL, includes_en TEXT NOT NULL,
    excludes_ja TEXT NOT NULL, excludes_en TEXT NOT NULL, hotel_ja TEXT NOT NULL, hotel_en TEXT NOT NULL,
    guide_ja TEXT NOT NULL, guide_en TEXT NOT NULL,
    search TEXT NOT NULL -- folded words of both languages, for the free search
);
CREATE INDEX tour_place ON tour(place);
-- Paragraphs (body), highlights (point) and days of the itinerary (day), in order.
CREATE TABLE tour_text (
    tour BYTEA NOT NULL REFERENCES tour(id), kind TEXT NOT NULL CHECK (kind IN ('body', 'point', 'day')),
    n BIGINT NOT NULL, ja TEXT NOT NULL, en TEXT NOT NULL, meals TEXT NOT NULL,
    PRIMARY KEY (tour, kind, n)
);

-- Seats. taken = on hold or sold; held = the part of taken that is only on hold.
CREATE TABLE inventory (
    id BYTEA PRIMARY KEY, cap BIGINT NOT NULL, taken BIGINT NOT NULL, held BIGINT NOT NULL,
    CHECK (taken BETWEEN 0 AND cap), CHECK (held BETWEEN 0 AND taken)
);
CREATE TABLE departure (
    id BYTEA PRIMARY KEY, tour BYTEA NOT NULL REFERENCES tour(id), city TEXT NOT NULL REFERENCES city(code),
    office TEXT NOT NULL, inventory BYTEA NOT NULL REFERENCES inventory(id),
    day BIGINT NOT NULL, deadline_us BIGINT NOT NULL,
    adult BIGINT NOT NULL CHECK (adult >= 0), child BIGINT NOT NULL CHECK (child >= 0),
    min_pax BIGINT NOT NULL, flags BIGINT NOT NULL,
    meeting_ja TEXT NOT NULL, meeting_en TEXT NOT NULL
);
CREATE INDEX departure_tour ON departure(tour, day);
CREATE INDEX departure_day ON departure(day, city, adult);

CREATE TABLE notice (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day BIGINT NOT NULL, revised_day BIGINT NOT NULL,
    title_ja TEXT NOT NULL, title_en TEXT NOT NULL, body_ja TEXT NOT NULL, body_en TEXT NOT NULL -- paragraphs, an empty line between
);
CREATE TABLE notice_revision (
    notice TEXT NOT NULL REFERENCES notice(id), day BIGINT NOT NULL, ja TEXT NOT NULL, en TEXT NOT NULL,
    PRIMARY KEY (notice, day)
);
-- Terms and their like. sha256 is of text, byte for byte; lines "# heading" and paragraphs. The newest
-- version by name is in force; older ones stay, because consents point at them.
CREATE TABLE document (
    kind TEXT NOT NULL, version TEXT NOT NULL, lang BIGINT NOT NULL, sha256 BYTEA NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (kind, version, lang)
);
CREATE TABLE account (
    id BYTEA PRIMARY KEY, -- the vault's subject id
    pseudonym BYTEA NOT NULL, email_index BYTEA NOT NULL UNIQUE, lang BIGINT NOT NULL,
    email BYTEA NOT NULL, name BYTEA NOT NULL, kana BYTEA NOT NULL, phone BYTEA NOT NULL,
    has_password BIGINT NOT NULL, created_us BIGINT NOT NULL, request BYTEA NOT NULL
);

CREATE TABLE booking (
    id BYTEA PRIMARY KEY, code TEXT NOT NULL UNIQUE, departure BYTEA NOT NULL REFERENCES departure(id),
    state BIGINT NOT NULL, lang BIGINT NOT NULL,
    adults BIGINT NOT NULL, children BIGINT NOT NULL,
    adult_price BIGINT NOT NULL, child_price BIGINT NOT NULL, total BIGINT NOT NULL, currency TEXT NOT NULL,
    subject BYTEA, pseudonym BYTEA, account BYTEA REFERENCES account(id),
    client_token TEXT NOT NULL UNIQUE, -- from the form: the same form twice is one booking
    hold_expires_us BIGINT NOT NULL, paid_attempt BYTEA,
    created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL, request BYTEA NOT NULL
);
CREATE INDEX booking_account ON booking(account, created_us);
CREATE INDEX booking_departure ON booking(departure);

-- Seats of a booking in one inventory. state: 1 held, 2 taken for good, 3 given back.
CREATE TABLE hold (
    id BYTEA PRIMARY KEY, booking BYTEA NOT NULL REFERENCES booking(id),
    inventory BYTEA NOT NULL REFERENCES inventory(id), seats BIGINT NOT NULL CHECK (seats > 0),
    state BIGINT NOT NULL CHECK (state IN (1, 2, 3)), expires_us BIGINT NOT NULL, request BYTEA NOT NULL
);
CREATE INDEX hold_booking ON hold(booking);
CREATE INDEX hold_due ON hold(expires_us) WHERE state = 1;

CREATE TABLE representative (
    booking BYTEA PRIMARY KEY REFERENCES booking(id),
    email_index BYTEA NOT NULL, phone_index BYTEA NOT NULL, kana_index BYTEA NOT NULL,
    name BYTEA NOT NULL, kana BYTEA NOT NULL, email BYTEA NOT NULL, phone BYTEA NOT NULL,
    postcode BYTEA NOT NULL, address BYTEA NOT NULL
);
CREATE INDEX representative_email ON representative(email_index);
CREATE INDEX representative_phone ON representative(phone_index);
CREATE INDEX representative_kana ON representative(kana_index);
CREATE TABLE traveller (
    id BYTEA PRIMARY KEY, booking BYTEA NOT NULL REFERENCES booking(id), n BIGINT NOT NULL,
    child BIGINT NOT NULL, kana_index BYTEA NOT NULL,
    name BYTEA NOT NULL, kana BYTEA NOT NULL, birth BYTEA NOT NULL, sex BYTEA NOT NULL,
    UNIQUE (booking, n)
);
CREATE INDEX traveller_kana ON traveller(kana_index);

CREATE TABLE consent (
    id BYTEA PRIMARY KEY, booking BYTEA NOT NULL REFERENCES booking(id), kind TEXT NOT NULL, version TEXT NOT NULL,
    sha256 BYTEA NOT NULL, lang BIGINT NOT NULL, total BIGINT NOT NULL, at_us BIGINT NOT NULL,
    record_seq BIGINT NOT NULL, request BYTEA NOT NULL
);
CREATE INDEX consent_booking ON consent(booking);

-- What the shop knows of payd's attempts; payd's events are the truth.
CREATE TABLE attempt (
    id BYTEA PRIMARY KEY, booking BYTEA NOT NULL REFERENCES booking(id), state BIGINT NOT NULL,
    amount BIGINT NOT NULL, currency TEXT NOT NULL, created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL,
    request BYTEA NOT NULL
);
CREATE INDEX attempt_booking ON attempt(booking, created_us);
-- One row: the last event applied, written in the transaction that applied it.
CREATE TABLE pay_cursor (one BIGINT PRIMARY KEY CHECK (one = 1), seq BIGINT NOT NULL);
INSERT INTO pay_cursor (one, seq) VALUES (1, 0);
-- Orders to payd that must not be lost: kind 1 refund, 2 cancel. done: 0 open, 1 done, 2 given up (alarm).
CREATE TABLE pay_order (
    id BYTEA PRIMARY KEY, kind BIGINT NOT NULL, attempt BYTEA NOT NULL, booking BYTEA NOT NULL,
    amount BIGINT NOT NULL, reason TEXT NOT NULL, done BIGINT NOT NULL, tries BIGINT NOT NULL,
    next_us BIGINT NOT NULL, request BYTEA NOT NULL, UNIQUE (kind, attempt)
);
CREATE INDEX pay_order_due ON pay_order(next_us) WHERE done = 0;

-- Letters. The recipient is the booking's sealed representative, or the account. state: 1 queued, 2 sent, 3 given up, 4 held.
CREATE TABLE outbox (
    id BYTEA PRIMARY KEY, booking BYTEA REFERENCES booking(id),
    account BYTEA REFERENCES account(id), kind BIGINT NOT NULL, ref BYTEA NOT NULL,
    lang BIGINT NOT NULL, state BIGINT NOT NULL, tries BIGINT NOT NULL, next_us BIGINT NOT NULL,
    created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL, request BYTEA NOT NULL,
    UNIQUE (kind, ref)
);
CREATE INDEX outbox_due ON outbox(next_us) WHERE state = 1;
