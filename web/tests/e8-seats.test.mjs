// E8: three tabs are three people, and everybody sees the same in the same order; eight tabs all live.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { browser, bubble, closePanel, house, message, order, owner, say, seat } from './house.mjs';

for (const [where, size] of [['phone, zh', {}], ['desk, en', { width: 1280, height: 800, lang: 'en-US' }]]) {
  test(`E8 three people see the same talk in the same order (${where})`, async t => {
    const home = await house(t);
    const chrome = await browser(t, home, size);
    const first = await owner(chrome, home);
    const member = await seat(first, '阿明');
    const newcomer = await seat(first, 'Lin', 'newcomer');
    await closePanel(first);
    const tabs = [first, member, newcomer];
    await Promise.all(tabs.map(async (tab, i) => {
      for (let n = 0; n < 4; n++) await say(tab, `line ${n} of ${i}`);
    }));
    await say(member, 'ai which tea is red?');
    for (const tab of tabs) {
      for (let i = 0; i < 3; i++) await bubble(tab, `line 3 of ${i}`).first().waitFor();
      await message(tab, 'which tea is red?').and(tab.locator('[data-kind=house]')).first().waitFor();
      await tab.locator('[data-testid=chip][data-reason=answered]').waitFor();
    }
    const orders = await Promise.all(tabs.map(order));
    assert.ok(orders[0].length >= 14, orders[0].join('\n'));
    assert.deepEqual(orders[1], orders[0]);
    assert.deepEqual(orders[2], orders[0]);
    assert.deepEqual(orders[0].map(parseFloat), orders[0].map(parseFloat).sort((a, b) => a - b));
  });
}

test('E8 eight tabs are open and all of them live', async t => {
  const home = await house(t);
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const tabs = [first];
  for (let n = 1; n < 8; n++) tabs.push(await seat(first, `seat ${n}`));
  await closePanel(first);
  for (const [n, tab] of tabs.entries()) {
    await say(tab, `here is ${n}`);
    await Promise.all(tabs.map(other => bubble(other, `here is ${n}`).first().waitFor()));
  }
});
