// E10: a room's clock moves its quiet hours, and nothing else's.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { RESTS, browser, bubble, closePanel, house, message, owner, panel, say, seat, seated } from './house.mjs';

const answered = (page, text) => message(page, text).and(page.locator('[data-kind=house]')).first().waitFor();

test('E10 at half past eleven the house rests for members only, and in this room only', async t => {
  const home = await house(t, { charter: RESTS });
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await panel(first);
  await first.getByTestId('room-new').fill('另一间');
  await first.getByTestId('room-go').click();
  const other = await first.context().newPage();
  await other.goto(await first.getByTestId('made-link').filter({ hasText: '去看看' }).getAttribute('href'));
  await seated(other);
  const guest = await seat(other, '小李');

  await panel(first);
  await first.getByTestId('clock-14:00').click();
  await member.locator('[data-tint=day]').waitFor();
  await first.getByTestId('clock-23:30').click();
  await closePanel(first);
  await member.locator('[data-tint=night]').waitFor();
  assert.match(await member.getByTestId('clock').innerText(), /23:3\d/);
  await member.getByTestId('note').filter({ hasText: '房间时间 23:30' }).waitFor();
  assert.equal(await guest.locator('[data-tint=night]').count(), 0, 'the other room has its own clock');

  await say(member, 'ai are you awake?');
  await member.locator('[data-testid=chip][data-reason=quiet_hours]').waitFor();
  assert.equal(await message(member, 'awake').and(member.locator('[data-kind=house]')).count(), 0);
  await say(first, 'ai and for the owner?');
  await answered(member, 'and for the owner?');

  await panel(other);
  await other.getByTestId('clock-14:00').click();
  await closePanel(other);
  await guest.locator('[data-tint=day]').waitFor();
  await say(guest, 'ai is it day here?');
  await answered(guest, 'is it day here?');

  await panel(first);
  await first.getByTestId('clock-14:00').click();
  await member.locator('[data-tint=day]').waitFor();
  await say(member, 'ai and now?');
  await answered(member, 'and now?');
  await bubble(member, 'are you awake?').first().waitFor();
});
