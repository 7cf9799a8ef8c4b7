// Everybody can use it: no serious finding of axe on any page, keys alone, 320 pixels, twice the size, without colours.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { browser, bubble, closePanel, fits, house, owner, panel, say, seat, still } from './house.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
async function scan(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const serious = found.violations.filter(v => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], what);
}

for (const dark of [false, true]) {
  test(`axe has no serious finding, ${dark ? 'dark' : 'light'}`, async t => {
    const home = await house(t);
    const chrome = await browser(t, home, { dark });
    const first = await owner(chrome, home);
    const member = await seat(first, '阿明');
    await scan(first, 'the panel with a new seat');
    await closePanel(first);
    await say(member, 'ai why is tea red? ```\ncode\n``` https://example.com');
    await member.locator('[data-testid=chip]').waitFor();
    await member.getByTestId('reply').first().click();
    await scan(member, 'the room with a reply begun');
    await member.getByTestId('seats-open').click();
    await scan(member, 'the seats');
    await panel(first);
    await first.getByTestId('seat-card').nth(1).locator('summary').click();
    await first.getByTestId('seat-role').nth(1).selectOption('lurker');
    await member.getByTestId('barred').waitFor();
    await scan(member, 'a seat that may not speak');
    await scan(first, 'the panel with a seat open');
    for (const path of ['/login', '/parlour/main/join', '/parlour/none', '/parlour/main/seat/none']) {
      chrome.expect(/404/);
      await scan(await chrome.open(path), path);
    }
  });
}

test('keys alone: sign in, write, mention, reply, recall, open and close the panel', async t => {
  const home = await house(t);
  const chrome = await browser(t, home, { width: 1280, height: 800, lang: 'en-US' });
  const page = await owner(chrome, home);
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const walk = async (id, step = 'Tab') => {
    for (let n = 0; n < 60; n++) {
      if (await page.evaluate(id => document.activeElement?.dataset.testid === id, id)) return;
      await press(step);
    }
    assert.fail(`no way to ${id} by ${step}`);
  };
  await walk('box');
  await page.keyboard.type('@Tea');
  await press('Enter');
  assert.equal(await page.getByTestId('box').inputValue(), '@Teahouse ');
  await page.keyboard.type('hello there');
  await press('Enter');
  await bubble(page, 'hello there').first().waitFor();
  await page.locator('[data-testid=message][data-kind=house]').first().waitFor();
  await walk('reply', 'Shift+Tab');
  await press('Enter');
  await page.getByTestId('drop').waitFor();
  await page.keyboard.type('a reply by keys');
  await press('Enter');
  await bubble(page, 'a reply by keys').waitFor();
  await walk('recall', 'Shift+Tab');
  await press('Enter');
  await bubble(page, /^recalled/).first().waitFor();
  await walk('panel-open', 'Shift+Tab');
  await press('Enter');
  await page.getByTestId('clock-now').waitFor();
  // A button is the house's once the panel has come to rest.
  await still(page);
  await walk('clock-23:30');
  await press('Enter');
  await page.locator('[data-tint=night]').waitFor();
  await walk('panel-close', 'Shift+Tab');
  await press('Enter');
  await page.locator('#panel').waitFor({ state: 'hidden' });
});

for (const [what, size] of [
  ['320 pixels wide', { width: 320, height: 568 }],
  ['a desk at twice the size', { width: 640, height: 400, scale: 2 }],
  ['a phone at twice the size', { width: 195, height: 422, scale: 2 }],
]) {
  test(`nothing scrolls sideways: ${what}`, async t => {
    const home = await house(t);
    const chrome = await browser(t, home, size);
    const first = await owner(chrome, home);
    await say(first, 'ai ' + 'word '.repeat(60) + 'https://example.com/' + 'long'.repeat(40));
    await first.locator('[data-testid=chip]').waitFor();
    await fits(first, 'the room');
    const member = await seat(first, 'A name of some twenty-four');
    await fits(first, 'the panel');
    await fits(member, 'a seat');
    assert.ok((await member.getByTestId('box').boundingBox()).width > 60, 'there is room to write');
    for (const path of ['/login', '/parlour/main/join', '/parlour/none']) {
      chrome.expect(/404/);
      await fits(await chrome.open(path), path);
    }
  });
}
