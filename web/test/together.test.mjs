import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row, saved } from './harness.mjs';

const offline = [/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/, /ERR_FAILED/];

test('edits without a network survive a closed window and are sent in order', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two');
  const page = await ann.open(path, { tolerate: offline });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  await row(page, 'One').click();
  await page.keyboard.type(' changed');
  await page.keyboard.press('Enter');
  await page.keyboard.type('New without a network');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+ArrowDown');
  const want = ['One changed', 'Two', 'New without a network'];
  await eventually(() => page.locator('[role=row] .markdown').allTextContents(), want);
  await page
    .locator('nav')
    .getByText(/Offline: \d changes kept on this device/)
    .first()
    .waitFor();
  await page.close();
  await ann.context.setOffline(false);
  const next = await ann.open(path);
  await eventually(() => ann.contents(spec), want);
  await eventually(() => next.locator('[role=row] .markdown').allTextContents(), want);
  await ann.end();
});

test('the same window goes on when the network is back', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: offline });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  await row(page, 'One').click();
  await page.keyboard.type(' and two');
  await page.keyboard.press('Escape');
  await page.locator('nav').getByText('Offline: 1 change kept on this device').first().waitFor();
  await ann.context.setOffline(false);
  await eventually(() => ann.contents(spec), ['One and two']);
  await saved(page);
  await ann.end();
});

test('two windows are one: a change is in the other in under a second, with its author', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One', 'Two');
  const here = await ann.open(path);
  const there = await ann.open(path);
  await row(here, 'Two').waitFor();
  await row(there, 'Two').waitFor();
  await there.waitForTimeout(500); // both streams are open
  await row(there, 'One').click();
  await there.keyboard.type(' (being typed');
  await row(here, 'Two').click();
  await here.keyboard.type(' from here');
  const start = Date.now();
  await here.keyboard.press('Escape');
  await row(there, 'Two from here').waitFor();
  assert.ok(Date.now() - start < 1000, `it took ${Date.now() - start} ms`);
  await row(there, 'Two from here').getByText('You, elsewhere').waitFor();
  await there.keyboard.type(')');
  assert.equal(await there.getByRole('textbox', { name: /Text of the item/ }).inputValue(), 'One (being typed)');
  await ann.end();
});

test('a text that both changed is shown twice, and either can stay', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two');
  const page = await ann.open(path, { tolerate: [...offline, /^412 /] });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  for (const text of ['One', 'Two']) {
    await row(page, text).click();
    await page.keyboard.type(' mine');
    await page.keyboard.press('Escape');
  }
  const { items } = await ann.api('GET', `/specs/${spec.id}/items`);
  for (const item of items) await ann.api('PATCH', `/items/${item.id}`, { content: `${item.content} theirs` });
  await ann.context.setOffline(false);
  await page.getByRole('button', { name: 'Keep mine' }).first().click();
  await page.getByRole('button', { name: 'Take theirs' }).last().click();
  await eventually(() => ann.contents(spec), ['One mine', 'Two theirs']);
  await page.getByRole('button', { name: 'Use my text' }).click();
  await eventually(() => ann.contents(spec), ['One mine', 'Two mine']);
  await ann.end();
});

test('a session that has ended asks for a new one, and the page stays', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [/^401 /] });
  await row(page, 'One').waitFor();
  await ann.api('POST', '/auth/logout', { all_sessions: true });
  ann.token = undefined;
  await row(page, 'One').click();
  await page.keyboard.type(' typed without a session');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.waitFor();
  const opening = page.waitForEvent('popup');
  await dialog.getByRole('button', { name: 'Sign in with Google' }).click();
  const popup = await opening;
  await popup.getByRole('textbox').fill(ann.email);
  await popup.keyboard.press('Enter');
  await eventually(() => dialog.count(), 0);
  await eventually(() => ann.contents(spec), ['One typed without a session']);
  await ann.end();
});

test('signing out with unsent edits asks first', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [...offline, /401 .*refresh/] });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  await row(page, 'One').click();
  await page.keyboard.type(' unsent');
  await page.keyboard.press('Escape');
  await page.locator('nav').getByText('Offline: 1 change').first().waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sign out');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: '1 change is not at the server yet' }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await row(page, 'One unsent').waitFor();
  await ann.context.setOffline(false);
  await saved(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sign out');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  await ann.end();
});
