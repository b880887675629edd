// Walks through history, versions, baselines and trash, by keyboard where that is said.
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { checkAccess, launch, signIn } from './browser.mjs';
import { makeHistory, textsOf } from './history.fixture.mjs';
import { start } from './server.mjs';

let server, browser, api, page, errors, close, made;

before(async () => {
  server = await start();
  api = server.api;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  made = await makeHistory(api);
  ({ page, errors, close } = await signIn(browser, server.url));
});
afterEach(async () => {
  await close();
  assert.deepEqual(errors, [], 'the page logged errors');
});

const open = (path) => page.goto(`${server.url}${path}`);
const button = (name) => page.getByRole('button', { name, exact: true });
const row = (revision) => page.locator('li', { has: page.locator(`[aria-label^="r${revision}:"]`) });
const toggle = (revision) => row(revision).locator('[data-toggle]');
const notice = (text) => page.getByText(text).waitFor();

async function openHistory() {
  await open(`/p/${made.project}/history`);
  await toggle(8).waitFor();
}

test('revisions are sentences with links, and one opens to its differences', async () => {
  await openHistory();
  await row(4).getByText('to place 1').waitFor(); // is read once it is visible
  assert.match(await row(4).innerText(), /^Ann moved item 1\.3 of Sign-in to place 1/);
  assert.match(await row(3).innerText(), /^Ann created Refunds with item 2\.1/);
  assert.match(await row(2).innerText(), /^Ann created Sign-in with 4 items/);
  const href = await row(5).getByRole('link', { name: 'Refunds' }).getAttribute('href');
  assert.equal(href, `/p/${made.project}/2`);

  await toggle(8).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter'); // r6
  assert.equal(await row(6).locator('del').innerText(), '1,000');
  assert.equal(await row(6).locator('ins').innerText(), '2,000');
  await toggle(4).click();
  await row(4).getByText('moved from place 3 to 1').waitFor();
  await checkAccess(page, 'history');
});

test('a deleted item comes back with its id', async () => {
  await openHistory();
  await toggle(7).click();
  await button('Bring back item 1.4').press('Enter');
  await notice('Item 1.4 is back.');
  const { items } = await api('GET', `/specs/${made.signIn}/items`);
  assert.equal(items.find((item) => item.id === made.d.id)?.ref, '1.4');
  await row(9).getByText('brought back item').waitFor();
  await button('Bring back item 1.4').waitFor({ state: 'detached' });
});

test('a revision is undone, and the undo is undone', async () => {
  await openHistory();
  await toggle(8).click();
  await row(8).getByRole('button', { name: 'Undo this revision' }).press('Enter');
  await notice('r8 is undone.');
  assert.ok((await textsOf(api, made.signIn)).includes(made.a.content));
  await button('Undo').click();
  await notice('r9 is undone.');
  assert.ok(!(await textsOf(api, made.signIn)).includes(made.a.content));
  await toggle(10).waitFor();
});

test('a revision whose things were changed later is not undone, and the page says why', async () => {
  await openHistory();
  await toggle(5).click();
  await row(5).getByRole('button', { name: 'Undo this revision' }).click();
  const dialog = page.getByRole('dialog', { name: 'r5 cannot be undone' });
  const entry = dialog.getByRole('listitem');
  await entry.waitFor();
  assert.match(await entry.innerText(), /r6\s+Ann changed item 2\.1 of Refunds/);
  await checkAccess(page, 'undo conflict');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(await textsOf(api, made.refunds), ['Above 2,000, two people approve.']);
});

test('a state of the project is restored after a look at what that changes', async () => {
  await openHistory();
  await toggle(3).click();
  await row(3).getByRole('button', { name: 'Restore this state' }).click();
  const dialog = page.getByRole('dialog', { name: 'Restore r3?' });
  await dialog.locator('ins', { hasText: '500' }).waitFor();
  await checkAccess(page, 'restore');
  await dialog.getByRole('button', { name: 'Restore this state' }).press('Enter');
  await notice('r3 is restored.');
  assert.deepEqual(await textsOf(api, made.refunds), ['Above 500, two people approve.']);
  assert.equal((await textsOf(api, made.signIn)).length, 4);
});

test('the filter shows the revisions of one specification, and is part of the address', async () => {
  await openHistory();
  await page.getByLabel('Only changes of').selectOption({ label: '2 Refunds' });
  await toggle(8).waitFor({ state: 'detached' });
  assert.equal(new URL(page.url()).search, '?spec=2');
  assert.equal(await page.locator('[data-toggle]').count(), 3);
  await page.reload();
  await toggle(6).waitFor();
  assert.equal(await page.locator('[data-toggle]').count(), 3);
});

test('a long history comes in pages, each revision once', async () => {
  for (let n = 1; n <= 130; n++) await api('PATCH', `/items/${made.a.id}`, { content: `Text ${n}` });
  await openHistoryAt(138);
  await button('Show older changes').press('Enter');
  await page.getByText('That is the beginning.').waitFor();
  const labels = await page.locator('[data-toggle]').evaluateAll((all) => all.map((e) => e.innerText.trim()));
  assert.deepEqual(
    labels,
    Array.from({ length: 138 }, (_, n) => `r${138 - n}`),
  );
});

async function openHistoryAt(newest) {
  await open(`/p/${made.project}/history`);
  await toggle(newest).waitFor();
}

test('what cannot be loaded can be tried again', async () => {
  await page.route('**/changes?*', (route) => route.abort());
  await open(`/p/${made.project}/history`);
  await page.getByRole('alert').waitFor();
  await checkAccess(page, 'failure');
  await page.unroute('**/changes?*');
  await button('Try again').click();
  await toggle(8).waitFor();
  await open(`/p/01a22d5e-0000-7000-8000-000000000000/history`);
  await page.getByText('There is no such project').waitFor();
});
