// Card numbers never come in: the guard refuses them calmly, and with the guard's check switched off the shop still
// stores none.
import assert from 'node:assert/strict';
import * as way from './lib/booking.mjs';
import { House, facts, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('cards');

// Test numbers that every payment company publishes; and how people write them.
const NUMBER = '4111111111111111';
const FORMS = [
  ['plain', '4111111111111111'],
  ['grouped', '4111 1111 1111 1111'],
  ['hyphens', '5555-5555-5555-4444'],
  ['full width', '４１１１　１１１１　１１１１　１１１１'],
  ['in a sentence', 'カード番号は378282246310005です'],
];

const wide = (digits) => [...digits].map((d) => String.fromCodePoint(0xff10 + Number(d))).join('');

// No file of any room has the digits, in no way of writing them.
async function storedNowhere(house) {
  const spaced = NUMBER.replace(/(.{4})/g, '$1 ').trim();
  const needles = [NUMBER, spaced, spaced.replaceAll(' ', '-'), wide(NUMBER), '378282246310005', '5555-5555-5555-4444', '5555555555554444'];
  for (const { file: name, bytes } of await house.kept('shop', 'ledger', 'pay', 'vault', 'guard', 'log')) {
    for (const needle of needles) {
      assert.equal(bytes.includes(Buffer.from(needle)), false, `${name} holds ${needle}`);
    }
  }
}

async function addressFilled(page, house, text) {
  await way.homeOpen(page, house);
  await way.search(page, { place: 'kanto' });
  await way.tourOpen(page, 'nikko-autumn');
  await way.departureOpen(page);
  const booking = await way.hold(page);
  await way.travellersFill(page, booking, { ...way.personNew(page.lang), address: text });
  await way.travellersSend(page);
  await page.locator('h1').waitFor();
  return booking;
}

const lastStatus = (page) => page.answers.findLast((a) => a.request().resourceType() === 'document').status();

for (const [name, text] of FORMS) {
  file.scene(`the guard refuses a card number, ${name}`, async ({ house, visitor }) => {
    const page = await visitor({ lang: 'ja', device: 'phone' });
    const booking = await addressFilled(page, house, text);
    assert.equal(lastStatus(page), 422);
    assert.match(await page.locator('body').innerText(), /カード/);
    const answer = page.answers.findLast((a) => a.request().resourceType() === 'document');
    assert.ok(!(await answer.text()).replace(/[\s-]/g, '').includes(text.replace(/[\s-]/g, '')), 'what was typed does not come back');
    assert.equal(await way.stateOf(page, house, booking), 'draft', 'nothing was taken over');
    await storedNowhere(house);
  });
}

file.scene('each refusal is on the record, with the field and without the number', async ({ house }) => {
  const refused = await waitFor('the records', async () => {
    const got = (await house.records()).filter((r) => r.type === 'CARD_REFUSED');
    return got.length >= FORMS.length ? got : null;
  });
  for (const r of refused) {
    assert.doesNotMatch(JSON.stringify(facts(r)), /\d{8,}/);
    assert.notEqual(r.request, '-');
  }
  const story = await house.trace('request', refused[0].request);
  assert.ok(story.some((r) => r.type === 'HTTP_REQUEST'), 'the same request in the guard\'s own record');
});

file.scene('what only looks like a card number goes through', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  await addressFilled(page, house, '東京都千代田区1-2-3 コーポ104号 0312345678');
  await page.waitForURL(/\/confirm$/);
});

file.scene('in an address bar, in a header of a form, in JSON: refused as well', async ({ house }) => {
  assert.equal((await house.get(`/tours?q=${NUMBER}`)).status, 422);
  assert.equal((await house.get(`/tours?q=4111%201111%201111%201111`)).status, 422);
  const boundary = 'sekisho-scene';
  const multipart = `--${boundary}\r\nContent-Disposition: form-data; name="number"\r\n\r\n${NUMBER}\r\n--${boundary}--\r\n`;
  assert.equal((await house.post('/lookup', multipart, { 'Content-Type': `multipart/form-data; boundary=${boundary}` })).status, 422);
  assert.equal((await house.post('/lookup', `number=${wide(NUMBER)}`, { 'Content-Type': 'application/x-www-form-urlencoded' })).status, 422);
  assert.equal((await house.post('/lookup', JSON.stringify({ number: NUMBER }), { 'Content-Type': 'application/json' })).status, 422);
  await storedNowhere(house);
});

file.scene('with the guard\'s check switched off the shop still stores none', async ({ visitor }) => {
  const bare = await House.start({ env: { SEKISHO_TEST_NO_CARD_CHECK: '1' } });
  try {
    for (const [name, text] of FORMS) {
      const page = await visitor({ lang: 'en' });
      const booking = await addressFilled(page, bare, text);
      assert.equal(lastStatus(page), 422, name);
      assert.match(page.url(), /\/travellers$/);
      assert.equal(await way.stateOf(page, bare, booking), 'draft');
    }
    assert.equal((await bare.records()).filter((r) => r.type === 'CARD_REFUSED' && r.room === 'guard').length, 0, 'the guard was silent');
    await storedNowhere(bare);
  } finally {
    const down = await bare.stop();
    assert.equal(down.code, 0);
  }
});

await file.play();
