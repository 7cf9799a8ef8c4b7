// What a seat lives through: cuts, mutes, removal, pictures, recall, invitations, faults, scripts.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { RESTS, browser, bubble, closePanel, house, message, owner, panel, say, seat, seated, still } from './house.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8FO6h3ZAAAAAElFTkSuQmCC', 'base64');

test('after a cut the page comes back, says everything once, and keeps the draft', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  chrome.expect(/WebSocket|ERR_CONNECTION/);
  const page = await owner(chrome, home);
  await say(page, 'before the cut');
  await bubble(page, 'before the cut').waitFor();
  await home.stop();
  await page.getByTestId('cut').waitFor();
  await say(page, 'said while it was cut');
  await page.getByTestId('pending').filter({ hasText: 'while it was cut' }).waitFor();
  await page.getByTestId('box').fill('a draft');
  await home.restart();
  await bubble(page, 'said while it was cut').waitFor();
  await page.getByTestId('cut').waitFor({ state: 'hidden' });
  assert.equal(await page.getByTestId('pending').count(), 0);
  assert.equal(await page.getByTestId('box').inputValue(), 'a draft');
  await page.reload();
  await bubble(page, 'before the cut').waitFor();
  assert.equal(await bubble(page, 'said while it was cut').count(), 1);
  assert.equal(await page.getByTestId('box').inputValue(), 'a draft');
});

test('who is muted sees for how long, who is removed sees why', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await panel(first);
  const card = first.getByTestId('seat-card').nth(1);
  await card.locator('summary').click();
  await card.getByTestId('mute').click();
  await member.getByTestId('barred').filter({ hasText: /0:[0-5]\d|1:00/ }).waitFor();
  assert.ok(await member.getByTestId('box').isDisabled());
  await card.getByTestId('unmute').click();
  await member.getByTestId('barred').waitFor({ state: 'hidden' });
  await say(member, 'free again');
  await bubble(first, 'free again').waitFor();
  await card.getByTestId('remove-why').fill('<b>广告</b>');
  await card.getByTestId('remove').click();
  await member.getByTestId('gate').waitFor();
  assert.equal(await member.getByTestId('why').innerText(), '<b>广告</b>');
  assert.match(await member.getByTestId('gate').innerText(), /被请出去了/);
});

test('a picture is shown to all, a file is a name, and what is recalled is gone', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await closePanel(first);
  await member.getByTestId('pick').setInputFiles({ name: 'tea.png', mimeType: 'image/png', buffer: PNG });
  await member.getByTestId('aim').waitFor();
  await say(member, 'look');
  for (const page of [member, first]) {
    await page.getByTestId('picture').waitFor();
    await page.waitForFunction(() => document.querySelector('.picture').naturalWidth === 8);
  }
  chrome.expect(/422/);
  await member.getByTestId('pick').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload=alert(1)>') });
  await member.getByTestId('told').filter({ hasText: 'PNG' }).waitFor();
  await member.getByTestId('pick').setInputFiles({ name: '<b>list.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF') });
  await member.getByTestId('send').click();
  await bubble(first, '<b>list.pdf').waitFor();
  await message(first, 'look').getByTestId('recall').click();
  await bubble(member, '已被 店主 撤回').waitFor();
  assert.equal(await member.getByTestId('picture').count(), 0);
  assert.equal(await message(member, 'look').count(), 0);
});

test('a guest comes by invitation, and it can be taken back', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  await panel(first);
  await first.getByTestId('invite-make').click();
  const link = await first.getByTestId('made-address').inputValue();
  assert.ok(await first.locator('#made svg[role=img]').isVisible(), 'a QR code is shown');
  await closePanel(first);
  await panel(first);
  assert.equal(await first.getByTestId('made-address').count(), 0, 'it is shown once');
  const phone = await browser(t, home, { lang: 'en-GB' });
  const guest = await phone.profile.newPage();
  await guest.goto(link);
  assert.equal(new URL(guest.url()).hash, '');
  await guest.getByTestId('name').fill('Lin');
  await guest.getByTestId('go').click();
  await seated(guest);
  await say(guest, 'hello from the phone');
  assert.equal(await message(first, 'hello from the phone').locator('.role').innerText(), '新人');
  await first.getByTestId('guests-limit').fill('0.2');
  await first.getByTestId('guests-go').click();
  await first.waitForFunction(() => document.getElementById('guests-limit').value === '0.20');
  assert.match(await first.getByTestId('guests-spent').innerText(), /还没花/);
  await first.getByTestId('invite-revoke').click();
  await still(first);
  const late = await phone.profile.newPage();
  phone.expect(/403/);
  await late.goto(link);
  await late.getByTestId('name').fill('Late');
  await late.getByTestId('go').click();
  await late.getByTestId('told').filter({ hasText: 'no longer good' }).waitFor();
});

test('faults are rehearsed from the panel, and an answer of many parts is one bubble', async t => {
  const home = await house(t);
  const chrome = await browser(t, home, { width: 1280, height: 800, lang: 'en-US' });
  const page = await owner(chrome, home);
  await panel(page);
  await page.getByTestId('model-choice').selectOption('parrot');
  await page.getByTestId('model-fault').selectOption('500');
  await page.getByTestId('model-use').click();
  await page.getByTestId('note').filter({ hasText: 'Parrot' }).waitFor();
  await say(page, 'ai are you there?');
  await page.locator('[data-testid=chip][data-reason=provider_failed]').waitFor();
  await page.getByTestId('model-fault').selectOption('long');
  await page.getByTestId('model-use').click();
  await page.getByTestId('note').filter({ hasText: 'long' }).waitFor();
  await say(page, 'ai tell me all');
  const chip = page.locator('[data-testid=chip][data-reason=answered]');
  await chip.waitFor();
  const answers = page.locator('article[data-kind=house]').filter({ has: chip });
  assert.equal(await answers.count(), 1);
  assert.ok((await answers.getByTestId('bubble').innerText()).length > 500);
  // Taken back, all of its parts are gone, and stay so.
  await answers.getByTestId('recall').click();
  await page.locator('#log .gone').waitFor();
  await page.reload();
  await page.locator('#log .gone').waitFor();
  assert.equal(await bubble(page, '100.').count(), 0);
});

test('a script is played from the panel', async t => {
  const home = await house(t, { charter: RESTS });
  const chrome = await browser(t, home);
  const page = await owner(chrome, home);
  await panel(page);
  await page.getByTestId('script').fill('@时钟 14:00\n阿明: ai 你好\n@期待 reason=answered\n@时钟 23:30\n阿明: ai 还在吗\n@期待 reason=quiet_hours');
  await page.getByTestId('script-run').click();
  await page.getByTestId('verdict').filter({ hasText: '都对上了' }).waitFor();
  await page.getByTestId('script').fill('@时钟 14:00\n阿明: ai 你好\n@期待 silence');
  await page.getByTestId('script-run').click();
  await page.getByTestId('verdict').filter({ hasText: '有对不上的' }).waitFor();
  await page.getByTestId('script').fill('nonsense');
  await page.getByTestId('script-run').click();
  await page.getByTestId('verdict').filter({ hasText: '读不懂' }).waitFor();
  assert.match(await page.getByTestId('transcript').innerText(), /line 1/);
});
