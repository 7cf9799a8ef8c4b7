// E15: a rule takes back, then mutes; the member sees why and for how long, appeals, and is let off by an admin.
import { test } from 'node:test';
import { strict as assert } from 'node:assert';
import { browser, bubble, closePanel, fits, house, message, owner, panel, say, seat, seated } from './house.mjs';

const STRICT = `
name = "strict"
trigger = ["ai"]
zone = "Asia/Shanghai"
speaks = "zh"
exempt = ["owner", "admin"]
[[words]]
name = "spam"
mode = "on"
words = ["free crypto"]
ladder = ["recall+remind", "recall+mute 1h"]
`;

const gone = (page, text) => page.waitForFunction(
  text => ![...document.querySelectorAll('[data-testid=bubble]')].some(b => b.textContent.includes(text)), text);

test('E15 a word is taken back, a second one mutes, an appeal is heard', async t => {
  const home = await house(t, { charter: STRICT, language: 'zh' });
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await closePanel(first);

  await say(member, 'get your free crypto here');
  await message(member, '@阿明').filter({ hasText: '您的消息已撤回（群规第 1 条：词语）' }).first().waitFor();
  await gone(first, 'free crypto');
  await gone(member, 'free crypto');

  await say(member, 'really, free crypto for all');
  await message(member, '禁言 1 小时').first().waitFor();
  await member.locator('#box:disabled').waitFor();
  await fits(member, 'a muted member');
  if (process.env.SHOTS) await member.screenshot({ path: `${process.env.SHOTS}/e15-muted.png` });

  await say(first, 'ai 待审');
  await message(first, '没有待审的').first().waitFor();
  await first.getByTestId('box').pressSequentially('ai 赦免 @阿');
  await first.locator('#at-0').dispatchEvent('mousedown');
  await first.getByTestId('box').press('Enter');
  await message(first, '已赦免').first().waitFor();
  await member.locator('#box:enabled').waitFor();

  await say(member, 'ai 申诉 我在引用别人的话');
  await message(member, '申诉已交给管理员').first().waitFor();
  await say(first, 'ai 待审');
  await bubble(first, '阿明 · 申诉').first().waitFor();
  await say(first, 'ai 待审 2 放');
  await message(first, '第 2 号：放行了').first().waitFor();
  await say(member, 'ai 群规');
  await message(member, '有些词不欢迎').first().waitFor();
  if (process.env.SHOTS) await member.screenshot({ path: `${process.env.SHOTS}/e15-rules.png` });
  assert.equal(await message(member, 'free crypto').count(), 0);
});

test('E15 who was muted or asked to leave by hand appeals on the page, and the owner reads why', async t => {
  const home = await house(t, { charter: STRICT, language: 'zh' });
  const chrome = await browser(t, home);
  const first = await owner(chrome, home);
  const member = await seat(first, '阿明');
  await panel(first);
  const card = first.getByTestId('seat-card').nth(1);
  await card.locator('summary').click();
  assert.equal(await member.getByTestId('appeal').isVisible(), false, 'there is nothing to appeal against');
  await card.getByTestId('mute').click();
  await member.getByTestId('appeal').locator('summary').click();
  await fits(member, 'a muted member who appeals');
  if (process.env.SHOTS) await member.screenshot({ path: `${process.env.SHOTS}/e15-muted-appeals.png` });
  await member.getByTestId('appeal').getByTestId('appeal-why').fill('我在引用<b>别人</b>的话');
  await member.getByTestId('appeal').getByTestId('appeal-go').click();
  await message(member, '申诉已交给管理员（第 1 号）').waitFor();
  await member.locator('#box:disabled').waitFor();
  await closePanel(first);
  await panel(first);
  await first.getByTestId('appeal-said').filter({ hasText: '我在引用<b>别人</b>的话' }).waitFor({ state: 'attached' });
  await card.locator('summary').click();
  await card.getByTestId('remove-why').fill('广告');
  await card.getByTestId('remove').click();
  const gate = member.getByTestId('gate');
  await gate.waitFor();
  await fits(member, 'a removed member');
  if (process.env.SHOTS) await member.screenshot({ path: `${process.env.SHOTS}/e15-removed-appeals.png` });
  await gate.getByTestId('appeal-why').fill('那不是广告');
  await gate.getByTestId('appeal-go').click();
  await gate.getByTestId('appealed').waitFor();
  assert.equal(await gate.getByTestId('why').innerText(), '广告');
  assert.equal(await gate.getByTestId('appeal-go').isVisible(), false, 'once is enough');
  await closePanel(first);
  assert.equal(await bubble(first, '那不是广告').count(), 0, 'it is no line of the room');
  await panel(first);
  await first.getByTestId('appeal-said').filter({ hasText: '那不是广告' }).waitFor({ state: 'attached' });
  await first.getByTestId('seat-card').nth(1).locator('summary').click();
  if (process.env.SHOTS) await first.screenshot({ path: `${process.env.SHOTS}/e15-owner-reads.png` });
  await first.getByTestId('back').click();
  await member.reload();
  await seated(member);
});
