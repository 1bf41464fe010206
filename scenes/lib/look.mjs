// Looking at one page as it stands: no script, nothing from elsewhere, right headers, light, clear to everyone (axe),
// and a picture of it for human eyes.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { request } from './house.mjs';
import { OUT } from './scene.mjs';

const WEIGHT_MAX = 60_000; // document, styles and pictures as they travel
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const weights = new Map(); // address -> bytes; styles and pictures are shared by pages

// Answers since the last look belong to this page.
export function pageAnswers(page) {
  const from = page.lookedAt ?? 0;
  page.lookedAt = page.answers.length;
  return page.answers.slice(from);
}

export async function noScript(page) {
  const found = await page.evaluate(() => {
    const bad = [];
    for (const e of document.querySelectorAll('*')) {
      if (['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED'].includes(e.tagName)) bad.push(e.outerHTML.slice(0, 80));
      for (const { name, value } of e.attributes) {
        if (name.startsWith('on') || name === 'style' || /^\s*(javascript|data|vbscript):/i.test(value)) bad.push(`${e.tagName} ${name}=${value.slice(0, 60)}`);
      }
    }
    return bad;
  });
  assert.deepEqual(found, [], `${page.url()}: scripts or what can carry them`);
}

// No byte of script, nobody else's bytes, and the browser is told so.
export function answersClean(answers, origins) {
  for (const answer of answers) {
    const url = new URL(answer.url());
    const type = answer.headers()['content-type'] ?? '';
    assert.ok(origins.includes(url.origin), `third party: ${answer.url()}`);
    assert.doesNotMatch(type, /javascript|ecmascript|wasm/i, `script: ${answer.url()}`);
    assert.ok(['document', 'stylesheet', 'image', 'font', 'other'].includes(answer.request().resourceType()), `${answer.url()}: ${answer.request().resourceType()}`);
    if (answer.request().resourceType() !== 'document' || answer.status() >= 300) continue;
    const policy = answer.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/, `${answer.url()}: content policy`);
    assert.doesNotMatch(policy, /script-src|unsafe|\*/, `${answer.url()}: content policy`);
    assert.equal(answer.headers()['x-content-type-options'], 'nosniff', answer.url());
  }
}

async function travels(address, house) {
  const url = new URL(address);
  if (!weights.has(address)) {
    const got = await request(Number(url.port), url.hostname, { target: url.pathname + url.search, headers: { 'Accept-Encoding': 'gzip' } });
    weights.set(address, got.body.length);
  }
  return weights.get(address);
}

export async function weightOf(page, answers) {
  const parts = new Set(answers.filter((a) => ['stylesheet', 'image', 'font'].includes(a.request().resourceType())).map((a) => a.url()));
  let bytes = gzipSync(await page.content(), { level: 5 }).length;
  for (const part of parts) bytes += await travels(part);
  return bytes;
}

export async function axe(page) {
  await page.evaluate(AXE);
  const result = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target.join(' ')} - ${n.failureSummary?.split('\n').at(-1).trim()}`).slice(0, 4).join(' | ')}`);
  });
  return result;
}

// All of it for one page; name is the picture's. Faults are gathered, so that one run shows them all.
export async function look(page, name, origins, faults) {
  const answers = pageAnswers(page);
  const check = async (what) => {
    try {
      await what();
    } catch (error) {
      faults.push(`${name} ${page.device} ${page.lang}: ${error.message.split('\n').slice(0, 12).join(' ')}`);
    }
  };
  await check(() => noScript(page));
  await check(() => answersClean(answers, origins));
  await check(async () => {
    const bytes = await weightOf(page, answers);
    assert.ok(bytes <= WEIGHT_MAX, `weighs ${bytes} bytes`);
  });
  await check(async () => assert.deepEqual(await axe(page), []));
  await check(async () => {
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wide <= shown, `scrolls sideways: ${wide} > ${shown}`);
  });
  await page.screenshot({ path: path.join(OUT, `${name}-${page.device}-${page.lang}.png`), fullPage: true });
}
