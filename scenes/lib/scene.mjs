// A file of scenes: one house, one browser, scenes one after the other (clock steps are the whole house's). Prints a
// line a scene, then one line that run.mjs reads.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { browserStart, visitorNew } from './browser.mjs';
import { ClearWatch, searchFault } from './clear.mjs';
import { House, TREE, searchesTake } from './house.mjs';

export const OUT = path.join(TREE, 'scenes/out');
export class Skip extends Error {}

// file: its name in the output. house: options of House.start, or null for scenes without one.
export function scenes(file, { house: houseOptions = {}, browser: wantsBrowser = true } = {}) {
  const list = [];
  const only = process.env.SCENES_ONLY; // part of a scene's name, while working on it
  return {
    scene(name, play) {
      if (!only || name.includes(only)) list.push({ name, play });
    },
    async play() {
      const count = { passed: 0, failed: 0, skipped: 0 };
      const stage = {};
      try {
        await mkdir(OUT, { recursive: true });
        if (houseOptions) stage.house = await House.start(houseOptions);
        if (wantsBrowser) stage.browser = await browserStart();
        for (const one of list) await playOne(file, one, stage, count);
      } catch (error) {
        count.failed++;
        console.log(`FAIL  ${file}: the stage\n${indent(error.stack)}`);
      }
      await stage.browser?.close().catch(() => {});
      const keep = count.failed > 0;
      const down = await stage.house?.stop({ keep });
      if (down && down.code !== 0) {
        count.failed++;
        console.log(`FAIL  ${file}: the house goes down in order\n${indent(down.stdout + down.stderr)}`);
      }
      if (stage.house && stage.house.watched && !stage.house.watch) {
        count.skipped++;
        console.log(`skip  ${file}: nothing typed lies in the clear (${ClearWatch.why})`);
      }
      clearJudge(file, count);
      if (keep && stage.house) console.log(`      data of the failed house: ${stage.house.var}`);
      console.log(`#scenes ${JSON.stringify(count)}`);
      process.exitCode = count.failed ? 1 : 0;
    },
  };
}

// Nothing that was typed into this file's houses lies in the clear anywhere.
function clearJudge(file, count) {
  for (const result of searchesTake()) {
    const fault = searchFault(result);
    count[fault ? 'failed' : 'passed']++;
    const sizes = `${result.needles} needles, ${result.forms} forms, ${result.files} files, ${(result.bytes / 1e6).toFixed(0)} MB`;
    console.log(fault ? `FAIL  ${file}: clear text (${sizes})\n${indent(fault)}` : `ok    ${file}: nothing typed lies in the clear (${sizes})`);
  }
}

const indent = (text) => String(text).trimEnd().split('\n').map((line) => `      ${line}`).join('\n');

// A room refuses what the disk did not take within 250 ms (law 4), and its page says: try again. On a machine whose disk
// stands still for a moment a visitor does that, once; what is wrong is wrong the second time, too.
const refused = (pages) => pages.some((page) => page.answers.some((answer) => answer.status() === 503));

async function playOne(file, one, stage, count, again = false) {
  const pages = [];
  const started = Date.now();
  const visitor = async (options) => {
    const page = await visitorNew(stage.browser, options);
    pages.push(page);
    return page;
  };
  const close = () => Promise.all(pages.map((page) => page.context().close().catch(() => {})));
  try {
    await one.play({ house: stage.house, browser: stage.browser, visitor });
    for (const page of pages) if (page.untold) throw page.untold;
    await stage.house?.sweep();
    count.passed++;
    console.log(`ok    ${file}: ${one.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    if (error instanceof Skip) {
      count.skipped++;
      console.log(`skip  ${file}: ${one.name} (${error.message})`);
    } else if (stage.house && !again && refused(pages)) {
      console.log(`again ${file}: ${one.name}: the house answered 503 (${error.message.split('\n')[0]})`);
      await close();
      await playOne(file, one, stage, count, true);
      return;
    } else {
      count.failed++;
      console.log(`FAIL  ${file}: ${one.name}\n${indent(error.stack)}`);
      await showFailure(file, one.name, pages, stage.house);
    }
  }
  await close();
}

async function showFailure(file, name, pages, house) {
  for (const [i, page] of pages.entries()) {
    const shot = path.join(OUT, `fail-${file}-${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}-${i}.png`);
    await page.screenshot({ path: shot, fullPage: true }).catch(() => {});
    console.log(indent(`page ${i}: ${page.url()} (${path.relative(TREE, shot)})\n${page.faults.slice(-5).join('\n')}`));
  }
  if (house) console.log(indent(await house.logs()));
}
