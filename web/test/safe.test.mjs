import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row } from './harness.mjs';

const offline = [/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/, /ERR_FAILED/];

test('a window that closes right after the last key loses nothing', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: offline });
  await row(page, 'One').click();
  const want = `One${' and more'.repeat(40)}`;
  await page.getByRole('textbox', { name: /Text of the item/ }).evaluate((field, text) => {
    for (let n = field.value.length + 1; n <= text.length; n++) {
      field.value = text.slice(0, n);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }
  }, want);
  await page.close();
  const next = await ann.open(path);
  await eventually(() => ann.contents(spec), [want]);
  await row(next, want).waitFor();
  await ann.end();
});

test('a title is kept while it is typed', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: offline });
  const title = page.getByRole('textbox', { name: 'Title of the specification' });
  await title.waitFor();
  await ann.context.setOffline(true);
  await title.fill('Refunds and returns');
  await page.close();
  await ann.context.setOffline(false);
  await ann.open(path);
  await eventually(async () => (await ann.api('GET', `/specs/${spec.id}`)).title, 'Refunds and returns');
  await ann.end();
});

test('a text above the limit stays at its row, whole', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [/^4(00|13|22) /] });
  await row(page, 'One').click();
  const long = 'x'.repeat(9_990) + ' a cup of tea, and a long tail';
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(long);
  await page.keyboard.press('Escape');
  await page
    .getByText(/10.?000/)
    .first()
    .waitFor();
  assert.ok((await row(page, 'a long tail').textContent()).includes(long));
  await page.reload();
  await row(page, 'a long tail').waitFor();
  await ann.end();
});

test('signing out asks for what other windows have not sent', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [/^412 /] });
  await row(page, 'One').waitFor();
  const other = await ann.open('/');
  await page.route('**/api/v1/items/*', (route) =>
    route.fulfill({
      status: 422,
      contentType: 'application/problem+json',
      body: '{"code":"validation_failed","detail":"no"}',
    }),
  );
  page.tolerated.push(/^422 /);
  await row(page, 'One').click();
  await page.keyboard.type(' unsent');
  await page.keyboard.press('Escape');
  await page.getByText('Not saved').first().waitFor();
  await other.keyboard.press('Control+k');
  await other.keyboard.type('sign out');
  await other.keyboard.press('Enter');
  await other.getByRole('dialog', { name: '1 change is not at the server yet' }).waitFor();
  await ann.end();
});

test('a specification in the trash shows what was not sent, and sends it after a restore', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [...offline, /^404 /] });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  await row(page, 'One').click();
  await page.keyboard.type(' typed too late');
  await page.keyboard.press('Escape');
  await ann.api('DELETE', `/specs/${spec.id}`);
  await ann.context.setOffline(false);
  await page.getByText('One typed too late').first().waitFor();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await ann.api('POST', `/specs/${spec.id}/restore`, {});
  await eventually(() => ann.contents(spec), ['One typed too late']);
  await ann.end();
});

test('a row that another user deletes keeps the focus of the user who edits it', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two');
  const page = await ann.open(path);
  await row(page, 'One').click();
  await page.waitForTimeout(500);
  const { items } = await ann.api('GET', `/specs/${spec.id}/items`);
  await ann.api('DELETE', `/items/${items[0].id}`);
  await page.waitForTimeout(1000);
  await page.keyboard.type(' not lost');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await eventually(async () => (await ann.contents(spec)).includes('One not lost'), true);
  await ann.end();
});
