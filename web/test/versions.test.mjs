// The versions of a specification: beside its outline, on a page of their own, and narrow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './harness.mjs';
import { button, checkAccess, makeHistory } from './history.fixture.mjs';

const version = (page, n) => page.locator(`[data-version="${n}"]`);
const cell = (page, side, text) => page.locator(`.cell.${side}`).filter({ hasText: text }).first();

test('the panel opens by a key beside the outline, and follows it', async () => {
  const { user, api, path, signIn } = await makeHistory();
  const page = await user.open(`${path}/1`);
  await page.getByRole('row').first().waitFor();
  await page.keyboard.press('Alt+h');
  const panel = page.getByRole('complementary', { name: 'History of Sign-in' });
  await version(panel, 1).waitFor();
  await panel.getByText('moved item 1.3 to place 1').waitFor();
  await api('POST', `/specs/${signIn.id}/items`, { content: 'From elsewhere.' });
  await panel.getByText('added item 1.5').waitFor();
  await checkAccess(page, 'panel');
  const [list, side] = [await page.getByRole('grid').boundingBox(), await panel.boundingBox()];
  assert.ok(list.x + list.width <= side.x, 'the panel covers the outline');

  await version(panel, 1).press('Enter');
  await cell(page, 'before', 'The page names the last sign-in.').waitFor();
  await checkAccess(page, 'panel with a comparison');
  await button(panel, 'Restore this state').press('Enter');
  await page.getByText('Version 1 is restored.').waitFor();
  await eventually(
    () => user.contents(signIn),
    signIn.items.map((item) => item.content),
  );
  await page.getByRole('row').filter({ hasText: 'The page names the last sign-in.' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached' });
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  assert.equal(focused, 'History');
  await user.end();
});

test('a version stands side by side with now, and its deleted item comes back', async () => {
  const { user, path, signIn, d } = await makeHistory();
  const page = await user.open(`${path}/1/history`);
  await version(page, 3).waitFor();
  await version(page, 3).focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await cell(page, 'after', 'exactly').waitFor();
  assert.equal(new URL(page.url()).search, '?v=1');
  const [before, after] = await Promise.all(
    ['before', 'after'].map((side) => cell(page, side, 'A wrong password').boundingBox()),
  );
  assert.ok(before.y === after.y && before.x + before.width <= after.x + 1, 'two columns');
  assert.equal(await cell(page, 'after', 'exactly').locator('ins').innerText(), 'exactly ');
  assert.equal(await cell(page, 'before', 'A wrong').locator('ins').count(), 0);
  await checkAccess(page, 'comparison');
  await button(page, 'Bring back item 1.4').click();
  await page.getByText('Item 1.4 is back.').waitFor();
  await eventually(async () => (await user.contents(signIn)).includes(d.content), true);
  await button(page, 'Bring back item 1.4').waitFor({ state: 'detached' });
  await user.end();
});

test('a specification that was changed meanwhile is not restored', async () => {
  const { user, api, path, signIn, a } = await makeHistory();
  const page = await user.open(`${path}/1/history?v=1`, { tolerate: [/412 /, /ERR_FAILED/] });
  await cell(page, 'after', 'exactly').waitFor();
  await page.route('**/events*', (route) => route.abort()); // the page does not learn of the change
  await page.route('**/restore', async (route) => {
    await api('PATCH', `/items/${a.id}`, { content: 'From elsewhere.' });
    await route.continue();
  });
  await button(page, 'Restore this state').click();
  await page.getByText('changed meanwhile').waitFor();
  await cell(page, 'after', 'From elsewhere.').waitFor();
  assert.ok((await user.contents(signIn)).includes('From elsewhere.'));
  await user.end();
});

test('a narrow page shows the list, then the comparison, one side after the other', async () => {
  const { user, path } = await makeHistory({ viewport: { width: 360, height: 780 } });
  const page = await user.open(`${path}/1`);
  await page.getByRole('row').first().waitFor();
  await button(page, 'History').click();
  await page.waitForURL('**/1/history');
  await version(page, 1).click();
  await cell(page, 'after', 'exactly').waitFor();
  const back = button(page, 'All versions');
  assert.ok(await back.evaluate((element) => element === document.activeElement));
  const [before, after] = await Promise.all(
    ['before', 'after'].map((side) => cell(page, side, 'A wrong password').boundingBox()),
  );
  assert.ok(before.x === after.x && before.y + before.height <= after.y + 1, 'one after the other');
  assert.equal(await version(page, 1).isVisible(), false);
  await checkAccess(page, 'narrow comparison');
  await back.press('Enter');
  assert.ok(await version(page, 1).evaluate((element) => element === document.activeElement));
  await page.goBack();
  await page.goBack();
  await user.end();
});
