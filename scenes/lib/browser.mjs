// Chromium as customers meet the shop: scripts off, phone or desktop, Japanese or English. Collects what a page
// does (answers, faults), so that scenes can judge it.
import { chromium } from 'playwright-core';
import { typedBy } from './typed.mjs';

export const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 },
};
const LOCALES = { ja: 'ja-JP', en: 'en-US' };
const CHROMIUM = process.env.SCENES_CHROMIUM ?? '/usr/bin/chromium';
const WAIT_MS = 60_000; // bounds, not speeds

export async function browserStart() {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    chromiumSandbox: process.getuid() !== 0,
    args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-proxy-server'],
  });
}

// lang: "ja" | "en"; device: "phone" | "desktop"; scripts: only for tools that look at a page from inside (axe).
export async function visitorNew(browser, { lang = 'ja', device = 'desktop', scripts = false } = {}) {
  const context = await browser.newContext({
    ...DEVICES[device],
    locale: LOCALES[lang],
    timezoneId: 'Asia/Tokyo',
    javaScriptEnabled: scripts,
    bypassCSP: scripts,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(WAIT_MS);
  context.setDefaultNavigationTimeout(WAIT_MS);
  const page = await context.newPage();
  page.lang = lang;
  page.device = device;
  page.answers = []; // every answer of the server, in order
  page.faults = []; // what the browser itself complained about
  context.on('response', (res) => page.answers.push(res));
  context.on('request', (req) => {
    try {
      typedBy(req);
    } catch (error) {
      page.faults.push(String(error));
      page.untold = error; // the scene fails with it at its end
    }
  });
  context.on('requestfailed', (req) => page.faults.push(`${req.url()}: ${req.failure()?.errorText}`));
  page.on('console', (msg) => {
    if (msg.type() === 'error' || msg.type() === 'warning') page.faults.push(`console: ${msg.text()}`);
  });
  return page;
}
