// What the record must tell of a booking, in order; and the chain of ids that ties it together.
import assert from 'node:assert/strict';
import { facts } from './house.mjs';

// The story of one booking from browser to mail (issue 2). Each stands after the one before; other records may
// stand between.
export const STORY = [
  'HOLD_TAKEN', 'HTTP_REQUEST', 'TRAVELLERS_SEALED', 'HTTP_REQUEST', 'CONSENT', 'PAY_ATTEMPT', 'PAY_REDIRECTED',
  'PAY_NOTICE', 'PAY_STATE', 'BOOKING_CONFIRMED', 'MAIL_QUEUED', 'MAIL_SENT',
];

const NONE = '-';

export function inOrder(records, wanted) {
  let at = -1;
  for (const type of wanted) {
    const next = records.findIndex((r, i) => i > at && r.type === type);
    assert.ok(next >= 0, `${type} after record ${records[at]?.seq ?? 'none'} in\n${tell(records)}`);
    at = next;
  }
}

export const tell = (records) => records.map((r) => `${r.seq} ${r.room} ${r.type} request=${r.request} object=${r.object} parent=${r.parent} ${r.facts}`).join('\n');

// Sequence numbers only rise; every step's request was seen by the guard; attempts hang at the booking.
export function chainHolds(records, bookingId) {
  const seqs = records.map((r) => r.seq);
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b), 'records in order');
  const requests = new Set(records.filter((r) => r.type === 'HTTP_REQUEST').map((r) => r.request));
  const steps = ['HOLD_TAKEN', 'TRAVELLERS_SEALED', 'CONSENT', 'PAY_ATTEMPT', 'PAY_REDIRECTED', 'PAY_NOTICE'];
  for (const r of records.filter((one) => steps.includes(one.type))) {
    assert.notEqual(r.request, NONE, `${r.type} names its request`);
    assert.ok(requests.has(r.request), `${r.type}: the guard's record of request ${r.request}\n${tell(records)}`);
  }
  const attempt = records.find((r) => r.type === 'PAY_ATTEMPT');
  assert.equal(attempt.parent, bookingId, 'the attempt hangs at the booking');
  for (const type of ['PAY_REDIRECTED', 'PAY_NOTICE', 'PAY_STATE']) {
    assert.ok(records.some((r) => r.type === type && r.object === attempt.object), `${type} of the same attempt`);
  }
  const consent = records.find((r) => r.type === 'CONSENT');
  assert.equal(attempt.request, consent.request, 'consent and attempt come from one request');
  assert.match(JSON.stringify(facts(consent)), /[0-9a-f]{64}/, 'consent names the document\'s hash');
}

// No reveal without a record (law 4): what came of a reveal stands after the intent that allowed it. A vault that was
// killed in between leaves an intent alone, never an outcome.
export function intentsHold(records) {
  const intents = new Set();
  let outcomes = 0;
  for (const r of records) {
    if (r.type === 'REVEAL_INTENT') intents.add(facts(r).reveal);
    if (r.type !== 'REVEAL_OUTCOME') continue;
    outcomes++;
    assert.ok(intents.has(facts(r).reveal), `outcome ${r.seq} has an intent before it`);
  }
  assert.ok(outcomes > 0, 'something was revealed');
}

// Nothing in the clear: neither a name nor an address of the person stands in any record.
export function namesNobody(records, person) {
  const text = JSON.stringify(records);
  for (const value of [person.name, person.kana, person.email, person.phone, person.address]) {
    for (const form of [value, encodeURIComponent(value), value.replace(/[ -]/g, '')]) {
      assert.ok(!text.includes(form), `the record holds ${value}`);
    }
  }
}
