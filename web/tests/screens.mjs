// Screenshots of every state of the page, on a phone in Chinese and on a desk in English, for people to look at.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PASSWORD, RESTS, browser, bubble, closePanel, house, owner, panel, say, seat, seatLink, seated, still } from './house.mjs';

const folder = process.argv[2];
const SIZES = [
  { name: 'phone', width: 390, height: 844, lang: 'zh-CN', hello: 'ai 你好，红茶为什么是红的？' },
  { name: 'desk', width: 1280, height: 800, lang: 'en-US', hello: 'ai hello, why is black tea black?' },
];
const PNG = readFileSync(new URL('tea.png', import.meta.url));

for (const size of SIZES) {
  const ends = [];
  const t = { after: end => ends.unshift(end) };
  const home = await house(t, { charter: RESTS, language: size.lang.slice(0, 2) });
  const chrome = await browser(t, home, size);
  chrome.expect(/./);
  mkdirSync(folder, { recursive: true });
  const shot = async (page, name) => {
    await still(page);
    await page.screenshot({ path: join(folder, `${size.name}-${name}.png`), animations: 'disabled' });
    console.log(`${size.name}-${name}.png`);
  };

  const door = await chrome.profile.newPage();
  const link = readFileSync(join(home.data, 'enter.link'), 'utf8').trim();
  await door.goto(link);
  await shot(door, '01-enter');
  const stranger = await chrome.open('/enter');
  await stranger.getByTestId('code').fill('0000');
  await stranger.getByTestId('password').fill(PASSWORD);
  await stranger.getByTestId('go').click();
  await stranger.getByTestId('told').filter({ hasText: /\S/ }).waitFor();
  await shot(stranger, '02-enter-wrong');
  await stranger.close();
  await door.getByTestId('password').fill(PASSWORD);
  await door.getByTestId('go').click();
  await seated(door);
  await shot(door, '03-empty-room');
  const page = door;
  await panel(page);
  await page.getByTestId('clock-14:00').click();
  const member = await seat(page, size.lang === 'en-US' ? 'Lin' : '阿明');
  await closePanel(page);
  await say(member, size.hello);
  await page.locator('[data-testid=chip][data-reason=answered]').waitFor();
  await say(page, size.lang === 'en-US' ? 'Welcome, everybody. https://example.com/tea has the list.' : '欢迎大家，茶单在 https://example.com/tea 。');
  await bubble(page, 'example.com/tea').last().waitFor();
  await shot(page, '04-talk-owner');
  await shot(member, '05-talk-member');
  await member.getByTestId('reply').last().click();
  await member.getByTestId('pick').setInputFiles({ name: 'tea.png', mimeType: 'image/png', buffer: PNG });
  await member.locator('#aim-image').waitFor();
  await member.getByTestId('box').pressSequentially('@');
  await member.getByTestId('mention').first().waitFor();
  await shot(member, '06-reply-picture-mention');
  await member.getByTestId('box').press('Enter');
  await member.getByTestId('send').click();
  await member.getByTestId('picture').waitFor();
  await member.waitForFunction(() => document.querySelector('.picture').naturalWidth > 0);
  await member.getByTestId('pick').setInputFiles({ name: 'menu 2026.pdf', mimeType: 'application/pdf', buffer: Buffer.from('x') });
  await member.getByTestId('send').click();
  await bubble(page, 'menu 2026.pdf').waitFor();
  await page.locator('.said.mine').last().getByTestId('recall').click();
  await page.locator('#log .gone').waitFor();
  await shot(page, '07-picture-file-recalled');

  await panel(page);
  await shot(page, '08-panel');
  await page.getByTestId('model-choice').selectOption('parrot');
  await page.getByTestId('model-fault').selectOption('long');
  await page.getByTestId('model-use').click();
  await page.getByTestId('note').filter({ hasText: 'long' }).waitFor();
  await closePanel(page);
  await say(member, 'ai ' + (size.lang === 'en-US' ? 'say much' : '多说一点'));
  await page.locator('[aria-busy=true]').waitFor();
  await shot(page, '09-answer-comes-in');
  await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
  await panel(page);
  await page.getByTestId('model-fault').selectOption('500');
  await page.getByTestId('model-use').click();
  await page.getByTestId('note').filter({ hasText: '500' }).waitFor();
  await say(member, 'ai again?');
  await member.locator('[data-reason=provider_failed]').waitFor();
  await shot(member, '10-nobody-answers');
  await panel(page);
  await page.getByTestId('model-fault').selectOption('hang');
  await page.getByTestId('model-use').click();
  await page.getByTestId('note').filter({ hasText: 'hang' }).waitFor();
  await say(member, 'ai hm?');
  await member.getByTestId('working').waitFor();
  await shot(member, '11-thinking');
  await page.getByTestId('model-choice').selectOption('');
  await page.getByTestId('model-fault').selectOption('');
  await page.getByTestId('model-use').click();
  await page.getByTestId('clock-23:30').click();
  await member.locator('[data-tint=night]').waitFor();
  await say(member, 'ai so late?');
  await member.locator('[data-reason=quiet_hours]').waitFor();
  await closePanel(page);
  await shot(page, '12-night');
  await shot(member, '13-night-silence');
  await panel(page);
  await shot(page, '14-night-panel');
  await page.getByTestId('clock-now').click();

  const card = page.getByTestId('seat-card').nth(1);
  await card.locator('summary').click();
  await card.getByTestId('mute').scrollIntoViewIfNeeded();
  await shot(page, '15-panel-seat');
  await card.getByTestId('mute').click();
  await member.getByTestId('barred').waitFor();
  await shot(member, '16-muted');
  await member.getByTestId('appeal').locator('summary').click();
  await shot(member, '16-muted-appeals');
  await card.getByTestId('unmute').click();
  await still(page);
  await card.getByTestId('seat-role').selectOption('lurker');
  await member.getByTestId('barred').waitFor();
  await shot(member, '17-lurker');
  await seatLink(page, '小李');
  await shot(page, '18-new-seat');
  await page.getByTestId('invite-make').click();
  await page.getByTestId('made-link').filter({ hasText: /邀请|invitation/ }).waitFor();
  await shot(page, '19-invitation');
  const invitation = await page.getByTestId('made-address').inputValue();
  await page.getByTestId('script-run').scrollIntoViewIfNeeded();
  await page.getByTestId('script-run').click();
  await page.getByTestId('verdict').waitFor();
  await page.getByTestId('transcript').scrollIntoViewIfNeeded();
  await shot(page, '20-script');
  if (size.name === 'phone') {
    await member.getByTestId('seats-open').click();
    await shot(member, '21-seats');
    await member.getByTestId('seats-close').click();
  }
  const kept = await member.evaluate(() => ({ ...sessionStorage }));
  const twin = await chrome.profile.newPage();
  await twin.addInitScript(kept => { for (const [k, v] of Object.entries(kept)) sessionStorage.setItem(k, v); }, kept);
  await twin.goto(member.url());
  await twin.getByTestId('sit-here').waitFor();
  await shot(twin, '22-seat-elsewhere');
  await twin.getByTestId('sit-here').click();
  await member.getByTestId('gate').waitFor();
  await shot(member, '23-seat-taken');
  if (!await card.getByTestId('remove-why').isVisible()) await card.locator('summary').click();
  await card.getByTestId('remove-why').fill(size.lang === 'en-US' ? 'Advertising, twice.' : '第二次发广告。');
  await card.getByTestId('remove').click();
  await twin.getByTestId('gate').waitFor();
  await shot(twin, '24-removed');
  await shot(await chrome.open('/parlour/main/seat/none'), '25-no-seat');
  const guest = await chrome.profile.newPage();
  await guest.goto(invitation);
  await shot(guest, '26-join');
  await shot(await chrome.open('/nothing/here'), '27-no-page');
  const used = await chrome.profile.newPage();
  await used.goto(link);
  await shot(used, '28-link-used');
  await used.goto(home.url + '/login');
  await used.getByTestId('password').fill('not this one');
  await used.getByTestId('go').click();
  await used.getByTestId('told').filter({ hasText: /\S/ }).waitFor();
  await shot(used, '29-login-wrong');

  // How the local model stands, as the socket would tell it.
  for (const [name, local] of [['30-model-fetching', { state: 'fetching', percent: 43 }], ['31-model-failed', { state: 'failed', percent: null }]]) {
    const waiting = await chrome.profile.newPage();
    await waiting.routeWebSocket(/\/ws$/, socket => {
      const server = socket.connectToServer();
      server.onMessage(text => {
        const frame = JSON.parse(text);
        const state = frame.type === 'welcome' ? frame.state : frame.type === 'state' ? frame : null;
        if (state) state.model = { choice: 'local', fault: null, local };
        socket.send(JSON.stringify(frame));
      });
    });
    await waiting.goto(await seatLink(page, size.lang === 'en-US' ? 'Mei' : '小梅'));
    await waiting.getByTestId('local').waitFor();
    await shot(waiting, name);
  }
  const dark = await browser(t, home, { ...size, dark: true });
  dark.expect(/./);
  const evening = await dark.profile.newPage();
  await evening.goto(await seatLink(page, 'dark'));
  await seated(evening);
  await shot(evening, '32-dark');
  await home.stop();
  await evening.getByTestId('cut').waitFor();
  await evening.getByTestId('box').fill(size.hello);
  await evening.getByTestId('send').click();
  await shot(evening, '33-cut');
  for (const end of ends) await end();
}
