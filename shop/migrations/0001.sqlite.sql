-- The shop's tables, SQLite. Same names and meanings in 0001.pg.sql. Personal data stands here sealed only
-- (columns of type BLOB in representative, traveller, account); *_index are the vault's blind indexes. Days are
-- days since 1970-01-01, instants microseconds UTC, money whole yen. Card data has no column anywhere (law 5).

CREATE TABLE place (
    code TEXT PRIMARY KEY, ja TEXT NOT NULL, en TEXT NOT NULL, sort INTEGER NOT NULL
) STRICT;
CREATE TABLE city (
    code TEXT PRIMARY KEY, ja TEXT NOT NULL, en TEXT NOT NULL, sort INTEGER NOT NULL
) STRICT;

-- Offices and the agency itself are configuration (the agency file), not rows; departure.office is a code there.

CREATE TABLE tour (
    id BLOB PRIMARY KEY, slug TEXT NOT NULL UNIQUE, place TEXT NOT NULL REFERENCES place(code),
    picture TEXT NOT NULL, days INTEGER NOT NULL, nights INTEGER NOT NULL, featured INTEGER NOT NULL,
    sort INTEGER NOT NULL,
    title_ja TEXT NOT NULL, title_en TEXT NOT NULL, lead_ja TEXT NOT NULL, lead_en TEXT NOT NULL,
    alt_ja TEXT NOT NULL, alt_en TEXT NOT NULL, includes_ja TEXT NOT NULL, includes_en TEXT NOT NULL,
    excludes_ja TEXT NOT NULL, excludes_en TEXT NOT NULL, hotel_ja TEXT NOT NULL, hotel_en TEXT NOT NULL,
    guide_ja TEXT NOT NULL, guide_en TEXT NOT NULL,
    search TEXT NOT NULL -- folded words of both languages, for the free search
) STRICT;
CREATE INDEX tour_place ON tour(place);
-- Paragraphs (body), highlights (point) and days of the itinerary (day), in order.
CREATE TABLE tour_text (
    tour BLOB NOT NULL REFERENCES tour(id), kind TEXT NOT NULL CHECK (kind IN ('body', 'point', 'day')),
    n INTEGER NOT NULL, ja TEXT NOT NULL, en TEXT NOT NULL, meals TEXT NOT NULL,
    PRIMARY KEY (tour, kind, n)
) STRICT;

-- Seats. taken = on hold or sold; held = the part of taken that is only on hold.
CREATE TABLE inventory (
    id BLOB PRIMARY KEY, cap INTEGER NOT NULL, taken INTEGER NOT NULL, held INTEGER NOT NULL,
    CHECK (taken BETWEEN 0 AND cap), CHECK (held BETWEEN 0 AND taken)
) STRICT;
CREATE TABLE departure (
    id BLOB PRIMARY KEY, tour BLOB NOT NULL REFERENCES tour(id), city TEXT NOT NULL REFERENCES city(code),
    office TEXT NOT NULL, inventory BLOB NOT NULL REFERENCES inventory(id),
    day INTEGER NOT NULL, deadline_us INTEGER NOT NULL,
    adult INTEGER NOT NULL CHECK (adult >= 0), child INTEGER NOT NULL CHECK (child >= 0),
    min_pax INTEGER NOT NULL, flags INTEGER NOT NULL,
    meeting_ja TEXT NOT NULL, meeting_en TEXT NOT NULL
) STRICT;
CREATE INDEX departure_tour ON departure(tour, day);
CREATE INDEX departure_day ON departure(day, city, adult);

CREATE TABLE notice (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, day INTEGER NOT NULL, revised_day INTEGER NOT NULL,
    title_ja TEXT NOT NULL, title_en TEXT NOT NULL, body_ja TEXT NOT NULL, body_en TEXT NOT NULL -- paragraphs, an empty line between
) STRICT;
CREATE TABLE notice_revision (
    notice TEXT NOT NULL REFERENCES notice(id), day INTEGER NOT NULL, ja TEXT NOT NULL, en TEXT NOT NULL,
    PRIMARY KEY (notice, day)
) STRICT;
-- Terms and their like. sha256 is of text, byte for byte; lines "# heading" and paragraphs. The newest
-- version by name is in force; older ones stay, because consents point at them.
CREATE TABLE document (
    kind TEXT NOT NULL, version TEXT NOT NULL, lang INTEGER NOT NULL, sha256 BLOB NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (kind, version, lang)
) STRICT;
CREATE TABLE account (
    id BLOB PRIMARY KEY, -- the vault's subject id
    pseudonym BLOB NOT NULL, email_index BLOB NOT NULL UNIQUE, lang INTEGER NOT NULL,
    email BLOB NOT NULL, name BLOB NOT NULL, kana BLOB NOT NULL, phone BLOB NOT NULL,
    has_password INTEGER NOT NULL, created_us INTEGER NOT NULL, request BLOB NOT NULL
) STRICT;

CREATE TABLE booking (
    id BLOB PRIMARY KEY, code TEXT NOT NULL UNIQUE, departure BLOB NOT NULL REFERENCES departure(id),
    state INTEGER NOT NULL, lang INTEGER NOT NULL,
    adults INTEGER NOT NULL, children INTEGER NOT NULL,
    adult_price INTEGER NOT NULL, child_price INTEGER NOT NULL, total INTEGER NOT NULL, currency TEXT NOT NULL,
    subject BLOB, pseudonym BLOB, account BLOB REFERENCES account(id),
    client_token TEXT NOT NULL UNIQUE, -- from the form: the same form twice is one booking
    hold_expires_us INTEGER NOT NULL, paid_attempt BLOB,
    created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, request BLOB NOT NULL
) STRICT;
CREATE INDEX booking_account ON booking(account, created_us);
CREATE INDEX booking_departure ON booking(departure);

-- Seats of a booking in one inventory. state: 1 held, 2 taken for good, 3 given back.
CREATE TABLE hold (
    id BLOB PRIMARY KEY, booking BLOB NOT NULL REFERENCES booking(id),
    inventory BLOB NOT NULL REFERENCES inventory(id), seats INTEGER NOT NULL CHECK (seats > 0),
    state INTEGER NOT NULL CHECK (state IN (1, 2, 3)), expires_us INTEGER NOT NULL, request BLOB NOT NULL
) STRICT;
CREATE INDEX hold_booking ON hold(booking);
CREATE INDEX hold_due ON hold(expires_us) WHERE state = 1;

CREATE TABLE representative (
    booking BLOB PRIMARY KEY REFERENCES booking(id),
    email_index BLOB NOT NULL, phone_index BLOB NOT NULL, kana_index BLOB NOT NULL,
    name BLOB NOT NULL, kana BLOB NOT NULL, email BLOB NOT NULL, phone BLOB NOT NULL,
    postcode BLOB NOT NULL, address BLOB NOT NULL
) STRICT;
CREATE INDEX representative_email ON representative(email_index);
CREATE INDEX representative_phone ON representative(phone_index);
CREATE INDEX representative_kana ON representative(kana_index);
CREATE TABLE traveller (
    id BLOB PRIMARY KEY, booking BLOB NOT NULL REFERENCES booking(id), n INTEGER NOT NULL,
    child INTEGER NOT NULL, kana_index BLOB NOT NULL,
    name BLOB NOT NULL, kana BLOB NOT NULL, birth BLOB NOT NULL, sex BLOB NOT NULL,
    UNIQUE (booking, n)
) STRICT;
CREATE INDEX traveller_kana ON traveller(kana_index);

CREATE TABLE consent (
    id BLOB PRIMARY KEY, booking BLOB NOT NULL REFERENCES booking(id), kind TEXT NOT NULL, version TEXT NOT NULL,
    sha256 BLOB NOT NULL, lang INTEGER NOT NULL, total INTEGER NOT NULL, at_us INTEGER NOT NULL,
    record_seq INTEGER NOT NULL, request BLOB NOT NULL
) STRICT;
CREATE INDEX consent_booking ON consent(booking);

-- What the shop knows of payd's attempts; payd's events are the truth.
CREATE TABLE attempt (
    id BLOB PRIMARY KEY, booking BLOB NOT NULL REFERENCES booking(id), state INTEGER NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
    request BLOB NOT NULL
) STRICT;
CREATE INDEX attempt_booking ON attempt(booking, created_us);
-- One row: the last event applied, written in the transaction that applied it.
CREATE TABLE pay_cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO pay_cursor (one, seq) VALUES (1, 0);
-- Orders to payd that must not be lost: kind 1 refund, 2 cancel. done: 0 open, 1 done, 2 given up (alarm).
CREATE TABLE pay_order (
    id BLOB PRIMARY KEY, kind INTEGER NOT NULL, attempt BLOB NOT NULL, booking BLOB NOT NULL,
    amount INTEGER NOT NULL, reason TEXT NOT NULL, done INTEGER NOT NULL, tries INTEGER NOT NULL,
    next_us INTEGER NOT NULL, request BLOB NOT NULL, UNIQUE (kind, attempt)
) STRICT;
CREATE INDEX pay_order_due ON pay_order(next_us) WHERE done = 0;

-- Letters. The recipient is the booking's sealed representative, or the account. state: 1 queued, 2 sent, 3 given up, 4 held.
CREATE TABLE outbox (
    id BLOB PRIMARY KEY, booking BLOB REFERENCES booking(id),
    account BLOB REFERENCES account(id), kind INTEGER NOT NULL, ref BLOB NOT NULL,
    lang INTEGER NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL, next_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, request BLOB NOT NULL,
    UNIQUE (kind, ref)
) STRICT;
CREATE INDEX outbox_due ON outbox(next_us) WHERE state = 1;
