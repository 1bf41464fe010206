// The papers of a booking as PDF: who gets which and when, what stands on them, and that the record knows each by its hash.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { facts } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('papers', { browser: false });
const stage = {};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const words = (pdf) => execFileSync('pdftotext', ['-layout', '-', '-'], { input: pdf, encoding: 'utf8', maxBuffer: 8 << 20 });
const squeezed = (text) => text.replace(/\s+/g, '');
const paper = (customer, kind) => customer.get(`/bookings/${customer.booking}/papers/${kind}`);

async function given(customer, kind) {
  const got = await paper(customer, kind);
  assert.equal(got.status, 200, got.html.slice(0, 400));
  assert.equal(got.type, 'application/pdf');
  return got.bytes;
}

file.scene('before the contract: the explanation, and no other', async ({ house }) => {
  stage.customer = new Customer(house);
  for (const departure of await departuresOf(house)) {
    const sold = await stage.customer.hold(departure, 1).then(() => false, (error) => {
      if (!(error instanceof SoldOut)) throw error;
      return true;
    });
    if (!sold) break;
  }
  await stage.customer.travellers();
  const pdf = await given(stage.customer, 'explanation');
  const text = squeezed(words(pdf));
  for (const needed of ['取引条件説明書面', '旅行業法第12条の4', '最少催行人員', '取消料', '旅行開始日の前日', '株式会社関所トラベル', '旅行業務取扱管理者']) {
    assert.ok(text.includes(needed), needed);
  }
  assert.ok(!text.includes(squeezed(stage.customer.person.name)), 'nobody is named on it');
  for (const kind of ['contract', 'receipt', 'nothing', '..%2f..']) assert.ok([400, 403, 404].includes((await paper(stage.customer, kind)).status), kind);
});

file.scene('paid: the contract and the receipt, with the travellers\' names, each opened for this purpose', async ({ house }) => {
  const { customer } = stage;
  await customer.toProvider();
  await customer.act('success');
  await customer.becomes('confirmed');
  stage.contract = await given(customer, 'contract');
  stage.receipt = await given(customer, 'receipt');
  if (process.env.PAPERS_KEEP) for (const kind of ['contract', 'receipt']) await writeFile(`${process.env.PAPERS_KEEP}/${kind}.pdf`, stage[kind]);
  const contract = squeezed(words(stage.contract)), receipt = squeezed(words(stage.receipt));
  for (const text of [contract, receipt]) assert.ok(text.includes(squeezed(customer.person.name)), text.slice(0, 200));
  assert.ok(contract.includes('旅行業法第12条の5') && contract.includes('契約書面'));
  assert.ok(receipt.includes('適格簡易請求書') && /登録番号T\d{13}/.test(receipt) && receipt.includes('10%'));
  const page = await customer.get(`/bookings/${customer.booking}`);
  for (const kind of ['explanation', 'contract', 'receipt']) assert.ok(page.html.includes(`/papers/${kind}"`), `a link to ${kind}`);
  const intents = (await house.records()).filter((r) => r.type === 'REVEAL_INTENT' && /PAPER/.test(r.facts ?? ''));
  assert.ok(intents.length >= 2, 'looks at people for a paper are on record as such');
});

file.scene('the same paper is the same bytes, and the record names each by its hash', async ({ house }) => {
  assert.equal(sha256(await given(stage.customer, 'contract')), sha256(stage.contract));
  const recorded = (await house.records()).filter((r) => r.type === 'PAPER_GIVEN').map(facts);
  for (const [kind, pdf] of [['contract', stage.contract], ['receipt', stage.receipt]]) {
    const found = recorded.filter((f) => f.paper === kind);
    assert.ok(found.length >= 1 && found.every((f) => f.sha256 === sha256(pdf)), JSON.stringify(found));
  }
});

file.scene('in English', async () => {
  const { customer } = stage;
  const got = await customer.get(`/bookings/${customer.booking}?lang=en`);
  assert.equal(got.status, 303);
  assert.match(words(await given(customer, 'contract')), /Contract paper[\s\S]*article 12-5[\s\S]*Cancellation/i);
  assert.match(words(await given(customer, 'receipt')), /qualified invoice/);
});

file.scene('a stranger gets nothing', async ({ house }) => {
  const stranger = new Customer(house);
  for (const kind of ['explanation', 'contract', 'receipt']) {
    stranger.booking = stage.customer.booking;
    assert.equal((await paper(stranger, kind)).status, 404);
  }
});

file.scene('with the record away no paper is handed over, and it says so', async ({ house }) => {
  await house.signal('ledger', 19);
  const got = await paper(stage.customer, 'receipt');
  await house.signal('ledger', 18);
  assert.equal(got.status, 503);
  assert.ok(!/pdf/.test(got.type));
});

await file.play();
