// Invented customers among the real ones: made at a customer's pace by the ordinary way, and no honest path ever asks for one.
import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { facts, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('honey', { browser: false });
const DAY = 86_400;

const metric = async (house, name) => Number((await house.must('status', '--metrics')).match(new RegExp(`^${name}[^ ]* (\\d+)`, 'm'))?.[1]);
const marked = async (house) => Number((await house.must('vault', 'state')).match(/^honey customers (\d+)$/m)[1]);

async function paid(house, departures) {
  for (;;) {
    const c = new Customer(house);
    try {
      await c.book(departures[0]);
      await c.act('success');
      await c.becomes('confirmed');
      return c;
    } catch (error) {
      if (!(error instanceof SoldOut)) throw error;
      departures.shift();
    }
  }
}

file.scene('a house makes one soon after its first start, with seats that are given back', async ({ house }) => {
  await appendFile(path.join(house.var, 'etc/shop.ini'), '[honey]\nmake = yes\n');
  await house.signal('shop', 15);
  await waitFor('the shop', async () => (await house.json('status').catch(() => null))?.health === 'ok', { every: 300 });
  assert.equal(await marked(house), 0);
  const [created, sealed] = [[], []];
  for (const [type, into] of [['BOOKING_CREATED', created], ['TRAVELLERS_SEALED', sealed], ['BOOKING_CANCELLED', null]]) {
    const record = await waitFor(type, async () => {
      await house.step(60);
      return (await house.records()).find((r) => r.type === type);
    }, { every: 1500 });
    into?.push(record);
  }
  assert.equal(created[0].object, sealed[0].object);
  await waitFor('its mark in the vault', async () => (await marked(house)) === 1);
  const trace = await house.trace('booking', created[0].object);
  assert.deepEqual(trace.map((r) => r.type).filter((t) => !/HTTP/.test(t)),
    ['BOOKING_CREATED', 'HOLD_TAKEN', 'TRAVELLERS_SEALED', 'BOOKING_CANCELLED', 'HOLD_ENDED'], 'the story of anybody who thought again');
});

file.scene('weeks of customers, letters, erasures and a restart: no alarm', async ({ house }) => {
  const departures = await departuresOf(house);
  const customers = [];
  for (let i = 0; i < 4; i++) {
    customers.push(await paid(house, departures));
    await house.step(3 * DAY);
  }
  for (const c of customers) await house.mailFor(c.person.email);
  const number = (await customers[0].get(`/bookings/${customers[0].booking}`)).html.match(/SKS-[A-Z]{4}-[A-Z]{4}/)?.[0];
  if (number) await house.must('erase', '--booking', number);
  await house.signal('vault', 9);
  await waitFor('the house', async () => (await house.json('status').catch(() => null))?.health === 'ok', { every: 300 });
  assert.ok(await marked(house) >= 1);
  const alarms = (await house.records()).filter((r) => r.type === 'ALARM');
  assert.deepEqual(alarms.map((r) => facts(r).what).filter((what) => /vault/.test(what)), []);
  assert.equal(await metric(house, 'sekisho_vault_honey_total'), 0);
});

await file.play();
