// A house of its own for each test, a browser that may talk to nobody else, and the few steps that tests share.
// Nothing here sleeps: every wait is for something that can be seen.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strict as assert } from 'node:assert';
import { chromium } from 'playwright-core';

export const PASSWORD = 'a pot of oolong';
const LIMIT = Number(process.env.LIMIT ?? 20_000);

const SETTINGS = `
[server]
listen = "127.0.0.1:0"
language = "en"
[[route]]
name = "default"
models = [{ provider = "parrot", model = "parrot" }]
[[house]]
rooms = ["parlour:*"]
charter = "charter.toml"
`;
const CHARTER = `
name = "browser tests"
trigger = ["ai"]
zone = "Asia/Shanghai"
[purse]
questions_per_member_per_day = 500
`;
// The house rests at night. Tests with it set the room's clock first: nothing may hang on when they run.
export const RESTS = CHARTER.replace('[purse]', 'quiet = ["23:00-07:00"]\n[purse]');

// Starts `teahouse serve` on a fresh folder; it ends with the test.
export async function house(t, { language = 'en', charter = CHARTER } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'teahouse-browser-'));
  writeFileSync(join(folder, 'teahouse.toml'), SETTINGS.replace('"en"', `"${language}"`));
  writeFileSync(join(folder, 'charter.toml'), charter);
  const data = join(folder, 'data');
  const it = { folder, data, log: '' };
  const start = async () => {
    const child = spawn(process.env.TEAHOUSE ?? 'target/debug/teahouse',
      ['serve', '--config', join(folder, 'teahouse.toml'), '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
    it.child = child;
    const address = new Promise((ready, broken) => {
      const limit = setTimeout(() => broken(new Error(`the house was not ready in time:\n${it.log}`)), LIMIT);
      const hear = bytes => {
        it.log += bytes;
        const found = /ready on (http:\/\/\S+)\n/.exec(it.log.slice(it.from));
        if (found) { clearTimeout(limit); ready(found[1]); }
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.on('exit', code => broken(new Error(`the house ended with ${code}:\n${it.log}`)));
    });
    it.url = await address;
  };
  it.stop = () => new Promise(gone => {
    if (it.child.exitCode !== null || it.child.signalCode) return gone();
    it.child.once('exit', gone);
    it.child.kill('SIGTERM');
  });
  // The same port again, so that open pages find it.
  it.restart = async () => {
    await it.stop();
    const port = new URL(it.url).port;
    const file = join(folder, 'teahouse.toml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`));
    it.from = it.log.length;
    await start();
  };
  it.from = 0;
  await start();
  it.browsers = [];
  t.after(async () => { for (const close of it.browsers) await close(); await it.stop(); rmSync(folder, { recursive: true, force: true }); });
  return it;
}

// A browser with one profile. What any page asks of another host, or complains about, fails the test at its end.
export async function browser(t, home, { width = 390, height = 844, lang = 'zh-CN', dark = false, scale = 1, script = true } = {}) {
  const chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] });
  const profile = await chrome.newContext({
    viewport: { width, height }, locale: lang, colorScheme: dark ? 'dark' : 'light', deviceScaleFactor: scale, javaScriptEnabled: script,
  });
  profile.setDefaultTimeout(LIMIT);
  const wrong = [];
  const expected = [];
  profile.on('request', request => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && origin !== home.url) wrong.push(`asked ${request.url()}`);
  });
  profile.on('page', page => {
    page.on('pageerror', error => wrong.push(`script: ${error}`));
    page.on('dialog', dialog => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('console', message => {
      const text = message.text();
      if (message.type() === 'error' && !expected.some(known => known.test(text))) wrong.push(`console: ${text}`);
    });
  });
  home.browsers.push(() => chrome.close());
  t.after(() => {
    assert.deepEqual(wrong, [], 'what the pages did wrong');
  });
  return { profile, open: path => open(profile, home.url + path), expect: pattern => expected.push(pattern) };
}

async function open(profile, address) {
  const page = await profile.newPage();
  await page.goto(address);
  return page;
}

// The owner comes in by the one-time link, as on the first day, and sits in the main room.
export async function owner({ profile }, home) {
  const page = await profile.newPage();
  const link = join(home.data, 'enter.link');
  await page.goto(existsSync(link) ? readFileSync(link, 'utf8').trim().replace(/^http:\/\/[^/]+/, home.url) : home.url + '/login');
  await page.getByTestId('password').fill(PASSWORD);
  await page.getByTestId('go').click();
  await seated(page);
  return page;
}

export const seated = page => page.getByTestId('seat').first().waitFor({ state: 'attached' });
export const test = (page, id) => page.getByTestId(id);

// A new seat, made in the owner's panel and opened in a tab of its own.
export async function seat(page, name, role = 'member') {
  const link = await seatLink(page, name, role);
  const tab = await page.context().newPage();
  await tab.goto(link);
  await seated(tab);
  return tab;
}
export async function seatLink(page, name, role = 'member') {
  await panel(page);
  const address = page.getByTestId('made-address');
  const before = await address.count() ? await address.inputValue() : '';
  await page.getByTestId('new-name').fill(name);
  await page.getByTestId('new-role').selectOption(role);
  await page.getByTestId('new-go').click();
  await page.waitForFunction(before => {
    const made = document.querySelector('[data-testid=made-address]');
    return made && made.value !== before;
  }, before);
  return address.inputValue();
}
// Opens the owner's panel and waits until it shows what is, not what was.
export async function panel(page) {
  await page.bringToFront();
  if (!await page.locator('#panel').isVisible()) {
    const come = page.waitForResponse(answer => answer.url().endsWith('/panel'));
    await page.getByTestId('panel-open').click();
    await come;
    await still(page);
  }
  await page.getByTestId('new-go').waitFor();
}
// Nothing is asked for, nothing is being put in.
export const still = page => page.waitForFunction(() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added'));
export async function closePanel(page) {
  await page.bringToFront();
  if (await page.locator('#panel').isVisible()) await page.getByTestId('panel-close').click();
}

export async function say(page, text) {
  await page.getByTestId('box').fill(text);
  await page.getByTestId('box').press('Enter');
}
export const bubble = (page, text) => page.getByTestId('bubble').filter({ hasText: text });
export const message = (page, text) => page.getByTestId('message').filter({ hasText: text });
// All that was said, by the server's own numbers.
export const order = page => page.getByTestId('message').evaluateAll(all =>
  all.map(one => one.dataset.id + ' ' + one.querySelector('.bubble').textContent));

// No sideways scroll, anywhere on the page.
export async function fits(page, what) {
  const wide = await page.evaluate(() => {
    const root = document.scrollingElement;
    return { page: root.scrollWidth - root.clientWidth, out: [...document.querySelectorAll('body *')].filter(e => {
      const box = e.getBoundingClientRect();
      return box.width && box.right > innerWidth + 1 && getComputedStyle(e).position !== 'absolute' && !e.closest('svg, .vh, pre');
    }).map(e => e.tagName + '#' + e.id + '.' + e.className) };
  });
  assert.deepEqual(wide, { page: 0, out: [] }, `${what}: wider than the screen`);
}
