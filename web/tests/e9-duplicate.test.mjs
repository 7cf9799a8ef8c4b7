// E9: one seat is open in one tab at a time, and nobody ever speaks as somebody else.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { browser, bubble, closePanel, house, message, owner, say, seat, seated } from './house.mjs';

// What a browser does when a tab is duplicated: the address and the tab's own storage, copied.
async function duplicate(page) {
  const kept = await page.evaluate(() => ({ ...sessionStorage }));
  const twin = await page.context().newPage();
  await twin.addInitScript(kept => {
    if (!sessionStorage.length) for (const [key, value] of Object.entries(kept)) sessionStorage.setItem(key, value);
  }, kept);
  await twin.goto(page.url());
  return twin;
}

test('E9 a duplicated tab asks, the old one is told, and each seat speaks for itself', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await closePanel(first);
  await member.getByTestId('box').fill('a draft that must not be lost');
  const twin = await duplicate(member);
  await twin.getByTestId('sit-here').waitFor();
  assert.equal(await member.getByTestId('gate').isVisible(), false, 'nothing is taken before somebody chose');
  await twin.getByTestId('sit-here').click();
  await seated(twin);
  await member.getByTestId('gate').waitFor();
  assert.match(await member.getByTestId('gate').innerText(), /座位被接走了/);
  await say(twin, 'from the new tab');
  await bubble(first, 'from the new tab').waitFor();
  assert.equal(await message(first, 'from the new tab').locator('.who').innerText(), '阿明');
  await member.getByTestId('sit-here').click();
  await twin.getByTestId('gate').waitFor();
  assert.equal(await member.getByTestId('box').inputValue(), 'a draft that must not be lost');
  await say(member, 'and back again');
  await bubble(first, 'and back again').waitFor();
  assert.equal(await first.getByTestId('seat').count(), 2, 'no seat was made by taking one');
});

test('E9 a tab that is reloaded keeps its seat without asking', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, 'Lin');
  assert.equal(new URL(member.url()).hash, '', 'the token has left the address bar');
  await member.reload();
  await seated(member);
  await say(member, 'still me');
  await bubble(first, 'still me').waitFor();
  assert.equal(await member.getByTestId('gate').isVisible(), false);
});

test('E9 another seat is another person', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const twin = await duplicate(first);
  await twin.getByTestId('another-seat').click();
  await seated(twin);
  await say(twin, 'from another seat');
  await bubble(first, 'from another seat').waitFor();
  assert.equal(await message(first, 'from another seat').and(first.locator('.mine')).count(), 0);
  assert.equal(await first.getByTestId('gate').isVisible(), false, 'the first tab keeps its own seat');
});
