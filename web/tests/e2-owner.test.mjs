// E2: the one-time link makes one owner, once; without it nobody gets in, from this machine either.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PASSWORD, browser, house, owner, panel, seated } from './house.mjs';

test('E2 the one-time link works once, and nobody comes in without it', async t => {
  const home = await house(t, { language: 'zh' });
  const chrome = await browser(t, home);
  const file = join(home.data, 'enter.link');
  const link = readFileSync(file, 'utf8').trim();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(home.log.includes(link), 'the terminal shows the link');

  // No link, no way in: this machine is no exception.
  const early = await chrome.open('/parlour/main');
  assert.equal(new URL(early.url()).pathname, '/login');
  chrome.expect(/422|410|404/);
  await early.getByTestId('password').fill('let me in please');
  await early.getByTestId('go').click();
  await early.getByTestId('told').filter({ hasText: '密码不对' }).waitFor();
  await early.goto(home.url + '/enter');
  await early.getByTestId('code').fill('00000000000000000000000000000000');
  await early.getByTestId('password').fill(PASSWORD);
  await early.getByTestId('go').click();
  await early.getByTestId('told').filter({ hasText: '代码不对' }).waitFor();

  const page = await chrome.profile.newPage();
  await page.goto(link.replace(/^http:\/\/[^/]+/, home.url));
  assert.equal(new URL(page.url()).hash, '', 'the code has left the address bar');
  assert.equal(await page.getByTestId('code').isVisible(), false, 'there is nothing to copy');
  // The page asks for eight characters itself; the house asks again.
  await page.getByTestId('password').evaluate(input => input.removeAttribute('minlength'));
  await page.getByTestId('password').fill('short');
  await page.getByTestId('go').click();
  await page.getByTestId('told').filter({ hasText: '8' }).waitFor();
  await page.getByTestId('password').fill(PASSWORD);
  await page.getByTestId('go').click();
  await seated(page);
  assert.equal(new URL(page.url()).pathname, '/parlour/main');
  assert.equal(existsSync(file), false, 'the used link is gone from the folder');

  // The second use is refused, in a browser that knows nothing.
  const other = await browser(t, home);
  other.expect(/410|422/);
  const late = await other.profile.newPage();
  await late.goto(link.replace(/^http:\/\/[^/]+/, home.url));
  await late.getByTestId('trouble').filter({ hasText: '已经有主人了' }).waitFor();
  await late.getByTestId('go').click();
  await late.getByTestId('password').fill(PASSWORD);
  await late.getByTestId('go').click();
  await seated(late);

  assert.ok(!home.log.includes(PASSWORD));
  const cookies = await chrome.profile.cookies();
  assert.equal(cookies.length, 1);
  assert.ok(cookies[0].httpOnly && cookies[0].sameSite === 'Lax');
  assert.ok(!home.log.includes(cookies[0].value), 'no other secret is in the log');
});

test('E2 who signs out is out', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const page = await owner(chrome, home);
  await panel(page);
  await page.getByTestId('logout').click();
  await page.waitForURL('**/login');
  await page.goto(home.url + '/parlour/main');
  assert.equal(new URL(page.url()).pathname, '/login');
});

test('without scripts one comes in all the same, and is told what the room needs', async t => {
  const home = await house(t);
  const link = readFileSync(join(home.data, 'enter.link'), 'utf8').trim();
  const chrome = await browser(t, home, { script: false });
  const page = await chrome.open('/enter');
  await page.getByTestId('code').fill(link.split('#')[1]);
  await page.getByTestId('password').fill(PASSWORD);
  await page.getByTestId('go').click();
  await page.waitForURL('**/parlour/main');
  // Chromium does not show <noscript> when scripts are switched off this way; that it stands there must do.
  assert.match(await page.content(), /<noscript>.*茶座要用脚本/s);
});
