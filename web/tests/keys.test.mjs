// Keys of the room, and a long evening: Alt and a number takes a seat, Alt+N turns the day; old lines leave the page.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { browser, bubble, closePanel, house, message, owner, say, seatLink, seated } from './house.mjs';

test('Alt and a number takes a seat that this tab has made, and nothing is said as somebody else', async t => {
  const home = await house(t);
  const chrome = await browser(t, home, { width: 1280, height: 800 });
  const page = await owner(chrome, home);
  const link = await seatLink(page, '阿明');
  await closePanel(page);
  await say(page, 'as the keeper');
  await bubble(page, 'as the keeper').waitFor();
  const is = name => page.getByTestId('me').filter({ hasText: name }).waitFor({ state: 'attached' });
  await page.keyboard.press('Alt+2');
  await is('阿明');
  await say(page, 'as Ming');
  await bubble(page, 'as Ming').waitFor();
  assert.equal(await message(page, 'as Ming').locator('.who').innerText(), '阿明');
  assert.equal(await message(page, 'as the keeper').and(page.locator('.mine')).count(), 0);
  await page.keyboard.press('Alt+1');
  await is('店主');
  assert.equal(await message(page, 'as the keeper').and(page.locator('.mine')).count(), 1);

  // A guest's tab knows its own seat only.
  const other = await browser(t, home);
  const guest = await other.profile.newPage();
  await guest.goto(link);
  await seated(guest);
  await guest.keyboard.press('Alt+1');
  await guest.keyboard.press('Alt+9');
  await say(guest, 'still Ming');
  await bubble(page, 'still Ming').waitFor();
  assert.equal(await message(page, 'still Ming').locator('.who').innerText(), '阿明');
});

test('what waits to be sent keeps the tab on its seat', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  chrome.expect(/WebSocket|ERR_CONNECTION|htmx:(afterRequest|sendError)/);
  const page = await owner(chrome, home);
  await seatLink(page, '阿明');
  await closePanel(page);
  await home.stop();
  await page.getByTestId('cut').waitFor();
  await say(page, 'said by the keeper');
  await page.getByTestId('pending').waitFor();
  await page.keyboard.press('Alt+2');
  await home.restart();
  await bubble(page, 'said by the keeper').waitFor();
  assert.equal(await message(page, 'said by the keeper').locator('.who').innerText(), '店主');
});

test('Alt+N turns night to day and day to night, for the owner alone', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const page = await owner(chrome, home);
  const guest = await chrome.profile.newPage();
  await guest.goto(await seatLink(page, '阿明'));
  await seated(guest);
  await page.bringToFront();
  const clock = page.getByTestId('clock');
  const shows = async () => /☾/.test(await clock.innerText());
  const before = await shows();
  await guest.keyboard.press('Alt+n');
  await page.keyboard.press('Alt+n');
  await page.locator(`[data-tint=${before ? 'day' : 'night'}]`).waitFor();
  await clock.filter({ hasText: before ? '14:00' : '23:30' }).waitFor();
  await page.keyboard.press('Alt+n');
  await page.locator(`[data-tint=${before ? 'night' : 'day'}]`).waitFor();
  assert.equal(await page.getByTestId('note').filter({ hasText: '房间时间' }).count(), 2, 'the guest turned nothing');
});

test('a long evening leaves five hundred lines on the page, and says so', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const link = await seatLink(first, '阿明');
  const page = await chrome.profile.newPage();
  let room, server;
  await page.routeWebSocket(/\/ws$/, socket => {
    room = socket;
    server = socket.connectToServer();
    server.onMessage(text => socket.send(text));
  });
  await page.goto(link);
  await seated(page);
  assert.equal(await page.getByTestId('earlier').isVisible(), false);
  const from = { seat: 'x', name: 'Mei', role: 'member', kind: 'person' };
  const line = id => room.send(JSON.stringify({ type: 'msg', id, at: 1e12, room_at: 1e12, from, text: 'line ' + id, reply_to: null, mentions: [], part: 0 }));
  for (let id = 1001; id <= 1700; id++) line(id);
  await bubble(page, /^line 1700$/).waitFor();
  assert.equal(await page.locator('#log > *').count(), 501);
  await page.getByTestId('earlier').filter({ hasText: '更早' }).waitFor();
  assert.equal(await bubble(page, /^line 1200$/).count(), 0);
  assert.equal(await bubble(page, /^line 1201$/).count(), 1);
  // What it no longer shows it has forgotten: the same line comes again as a new one, in its place.
  line(1200);
  assert.equal(await page.locator('#log > *').nth(1).innerText(), await page.locator('article').first().innerText());
  line(1701);
  await bubble(page, /^line 1701$/).waitFor();
  assert.equal(await page.locator('#log > *').count(), 501);
});
