// E25: hostile texts in a name, a message and a room's title are only ever text. Bad inputs 26, 34, 35.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { browser, bubble, closePanel, fits, house, owner, panel, say, seat } from './house.mjs';

const MARKUP = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script><b>bold</b>`;
const HTMX = `<div hx-get="/parlour/main/panel" hx-trigger="load" data-hx-on:load="alert(1)">x</div>`;
const BIDI = 'safe \u202Egnp.exe\u202C end';
const ZALGO = 't' + '\u0335\u0336\u0337\u0344'.repeat(50) + 'ea';
const ZERO = 'zero\u200B\u200C\u200D\uFEFFwidth';
const LONG = 'x'.repeat(3_990);
const LINKS = 'javascript:alert(1) data:text/html,<script>1</script> https://example.com/"onmouseover="alert(1)';

test('E25 hostile texts are inert in every place they are shown', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  await panel(first);
  await first.getByTestId('title').fill(`${MARKUP.slice(0, 40)}\u202E`);
  await first.getByTestId('title-go').click();
  await first.getByTestId('room-title').filter({ hasText: '<img src=x' }).waitFor();
  const member = await seat(first, `<i onclick=alert(1)>\u202E` + '\u0336'.repeat(300));
  await closePanel(first);
  for (const text of [MARKUP, HTMX, BIDI, ZALGO, LINKS, LONG, 'ai ' + MARKUP]) {
    await say(member, text);
    await member.getByTestId('pending').first().waitFor({ state: 'detached' });
  }
  await say(member, ZERO);
  for (const page of [first, member]) {
    await bubble(page, LONG).first().waitFor();
    await bubble(page, /zero.*width/).first().waitFor();
    await page.locator('[data-testid=message][data-kind=house]').first().waitFor();
    assert.deepEqual(await page.evaluate(() => ({
      title: document.title === 'owned',
      made: document.querySelectorAll('#log :is(script, b, i, img, [onerror], [onclick], [onmouseover], [hx-get])').length,
      people: document.querySelectorAll('#people :is(i, img), h1 *').length,
      links: [...document.querySelectorAll('#log a')].filter(a => !/^https?:/.test(a.protocol) || a.rel !== 'nofollow noopener noreferrer').length,
      bidi: /[\u202A-\u202E\u2066-\u2069]/.test(document.body.innerText),
    })), { title: false, made: 0, people: 0, links: 0, bidi: false });
    await fits(page, 'hostile texts');
    // Marks piled on a letter stay in their own bubble.
    assert.ok(await bubble(page, 't\u0335').first().evaluate(b => getComputedStyle(b).overflow.startsWith('clip')));
  }
  await panel(first);
  await first.getByTestId('seat-card').nth(1).locator('summary').click();
  assert.match(await first.getByTestId('seat-name').nth(1).inputValue(), /^<i onclick=alert\(1\)>/);
  await fits(first, 'hostile names in the panel');
});

test('E25 ten thousand characters are not sent, and are not lost', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  await say(first, 'y'.repeat(10_000));
  await first.getByTestId('told').filter({ hasText: '4000' }).waitFor();
  assert.equal((await first.getByTestId('box').inputValue()).length, 10_000);
  assert.equal(await first.getByTestId('pending').count(), 0);
});
