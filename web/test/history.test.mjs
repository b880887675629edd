// The history of a project: revisions in words, differences, undo and restore.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User } from './harness.mjs';
import { button, checkAccess, makeHistory, row, toggle } from './history.fixture.mjs';

/** opened is a user at the history of its project. */
async function opened(tolerate = []) {
  const made = await makeHistory();
  const page = await made.user.open(`${made.path}/history`, { tolerate });
  await toggle(page, 8).waitFor();
  return { ...made, page };
}

test('revisions are sentences with links, and one opens to its differences', async () => {
  const { user, page, path } = await opened();
  await row(page, 4).getByText('to place 1').waitFor(); // is read once it is visible
  assert.match(await row(page, 4).innerText(), /^\S+ moved item 1\.3 of Sign-in to place 1/);
  assert.match(await row(page, 3).innerText(), /^\S+ created Refunds with item 2\.1/);
  assert.match(await row(page, 2).innerText(), /^\S+ created Sign-in with 4 items/);
  const href = await row(page, 5).getByRole('link', { name: 'Refunds' }).getAttribute('href');
  assert.equal(href, `${path}/2`);

  await toggle(page, 8).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await row(page, 6).locator('del').innerText(), '1,000');
  assert.equal(await row(page, 6).locator('ins').innerText(), '2,000');
  await toggle(page, 4).click();
  await row(page, 4).getByText('from place 3 to 1').waitFor();
  await checkAccess(page, 'history');
  await user.end();
});

test('a deleted item comes back with its id', async () => {
  const { user, api, page, signIn, d } = await opened();
  await toggle(page, 7).click();
  await button(page, 'Bring back item 1.4').press('Enter');
  await page.getByText('Item 1.4 is back.').waitFor();
  const { items } = await api('GET', `/specs/${signIn.id}/items`);
  assert.equal(items.find((item) => item.id === d.id)?.ref, '1.4');
  await row(page, 9).getByText('brought back item').waitFor();
  await button(page, 'Bring back item 1.4').waitFor({ state: 'detached' });
  await user.end();
});

test('a revision is undone, and the undo is undone', async () => {
  const { user, page, signIn, a } = await opened();
  await toggle(page, 8).click();
  await button(row(page, 8), 'r8: Undo this revision').press('Enter');
  await page.getByText('r8 is undone.').waitFor();
  assert.ok((await user.contents(signIn)).includes(a.content));
  await button(page, 'Undo').click();
  await page.getByText('r9 is undone.').waitFor();
  assert.ok(!(await user.contents(signIn)).includes(a.content));
  await toggle(page, 10).waitFor();
  await user.end();
});

test('a revision whose things were changed later is not undone, and the page says why', async () => {
  const { user, page, refunds } = await opened([/^409 .*\/restore$/]);
  await toggle(page, 5).click();
  await button(row(page, 5), 'r5: Undo this revision').click();
  const dialog = page.getByRole('dialog', { name: 'r5 cannot be undone' });
  const entry = dialog.getByRole('listitem');
  await entry.waitFor();
  assert.match(await entry.innerText(), /r6\s+\S+ changed item 2\.1 of Refunds/);
  await checkAccess(page, 'undo conflict');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(await user.contents(refunds), ['Above 2,000, two people approve.']);
  await user.end();
});

test('a state of the project is restored after a look at what that changes', async () => {
  const { user, page, signIn, refunds } = await opened();
  await toggle(page, 3).click();
  await button(row(page, 3), 'r3: Restore this state').click();
  const dialog = page.getByRole('dialog', { name: 'Restore r3?' });
  await dialog.locator('ins', { hasText: '500' }).waitFor();
  await checkAccess(page, 'restore');
  await button(dialog, 'Restore this state').press('Enter');
  await page.getByText('r3 is restored.').waitFor();
  assert.deepEqual(await user.contents(refunds), ['Above 500, two people approve.']);
  assert.equal((await user.contents(signIn)).length, 4);
  await user.end();
});

test('the filter shows the revisions of one specification, and is part of the address', async () => {
  const { user, page } = await opened();
  const revisions = async () => {
    await toggle(page, 6).waitFor();
    return page.locator('[data-toggle]').allInnerTexts();
  };
  await page.getByLabel('Only changes of').selectOption({ label: '2 Refunds' });
  await toggle(page, 8).waitFor({ state: 'detached' });
  assert.equal(new URL(page.url()).search, '?spec=2');
  assert.deepEqual(await revisions(), ['r6', 'r5', 'r3']);
  await page.reload();
  assert.deepEqual(await revisions(), ['r6', 'r5', 'r3']);
  await user.end();
});

test('a long history comes in pages, each revision once, and follows what happens', async () => {
  const { user, api, page, a } = await opened();
  for (let n = 1; n <= 130; n++) await api('PATCH', `/items/${a.id}`, { content: `Text ${n}` });
  await toggle(page, 138).waitFor();
  await page.reload();
  await button(page, 'Show older changes').press('Enter');
  await page.getByText('That is the beginning.').waitFor();
  await api('PATCH', `/items/${a.id}`, { content: 'From elsewhere' });
  await toggle(page, 139).waitFor();
  assert.deepEqual(
    await page.locator('[data-toggle]').allInnerTexts(),
    Array.from({ length: 139 }, (_, n) => `r${139 - n}`),
  );
  await user.end();
});

test('what cannot be loaded can be tried again', async () => {
  const { user, page, path } = await opened([/ERR_FAILED/, /404 /]);
  await page.route('**/changes?*', (route) => route.abort());
  await page.goto(page.url());
  await page.getByRole('alert').waitFor();
  await checkAccess(page, 'failure');
  await page.unroute('**/changes?*');
  await button(page, 'Try again').click();
  await toggle(page, 8).waitFor();
  await page.goto(page.url().replace(path, '/p/01a22d5e-0000-7000-8000-000000000000'));
  await page.getByText('There is no such project').waitFor();
  await user.end();
});

test('a narrow page in German has room for the longest words', async () => {
  const { user, path } = await makeHistory();
  const storageState = await user.context.storageState();
  await user.end();
  const narrow = { viewport: { width: 360, height: 780 }, reducedMotion: 'reduce' };
  const german = new User(await user.context.browser().newContext({ ...narrow, storageState, locale: 'de-DE' }));
  const page = await german.open(`${path}/history`);
  for (const revision of [4, 5, 7]) await toggle(page, revision).click();
  await row(page, 7).locator('del').waitFor();
  await row(page, 4).getByText('hat Punkt 1.3 von Sign-in an Stelle 1 verschoben').waitFor();
  await checkAccess(page, 'history at 360 px');
  await german.end();
});
