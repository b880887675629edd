// What a page keeps on the device until the user or the server has decided.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row, saved } from './harness.mjs';

const offline = [/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK/, /ERR_FAILED/];
const aside = (page, text) => page.getByRole('region', { name: /^Put aside/ }).filter({ hasText: text });

/** both changes the items "One" and "Two" here and elsewhere, and takes theirs for both. */
async function both(ann) {
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
  await page.getByRole('button', { name: 'Take theirs' }).last().click();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await eventually(() => page.getByRole('button', { name: 'Take theirs' }).count(), 0);
  await eventually(() => ann.contents(spec), ['One theirs', 'Two theirs']);
  return { spec, path, page };
}

test('a text put aside by "Take theirs" survives a reload and a closed window, until it is discarded', async () => {
  const ann = await User.signUp();
  const { spec, path, page } = await both(ann);
  await saved(page);
  await page.reload();
  await aside(page, 'One mine').waitFor();
  await aside(page, 'Two mine').waitFor();
  await page.close();
  const next = await ann.open('/', { tolerate: [/^412 /] }); // another screen shows it, too
  await aside(next, 'One mine').getByRole('button', { name: 'Use my text' }).click();
  await eventually(() => ann.contents(spec), ['One mine', 'Two theirs']);
  await eventually(() => aside(next, 'One mine').count(), 0);
  await aside(next, 'Two mine').getByRole('button', { name: 'Discard this text' }).click();
  await eventually(() => aside(next, 'Two mine').count(), 0);
  await next.goto(next.url().replace(/\/$/, path));
  await row(next, 'Two theirs').waitFor();
  await next.waitForTimeout(300);
  assert.equal(await aside(next, 'mine').count(), 0);
  await ann.end();
});

test('signing out asks for a text that was put aside', async () => {
  const ann = await User.signUp();
  const { page } = await both(ann);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sign out');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: '2 changes are not at the server yet' }).waitFor();
  await ann.end();
});

test('a title above the limit is kept whole, is not sent, and says by how much it is too long', async () => {
  const ann = await User.signUp();
  const { project, spec, path } = await ann.specification('One');
  const page = await ann.open(path);
  const cases = [
    [path, 'Title of the specification', 200, () => ann.api('GET', `/specs/${spec.id}`)],
    [`/p/${project.id}`, 'Title of the project', 100, () => ann.api('GET', `/projects/${project.id}`)],
  ];
  for (const [at, label, max, read] of cases) {
    await page.goto(new URL(at, page.url()).href);
    const title = page.getByRole('textbox', { name: label });
    await title.click();
    await page.keyboard.press('Control+a');
    const long = `${'🧾'.repeat(max)} and a tail`;
    await page.keyboard.insertText(long);
    const hint = page.getByText(`11 characters too long: at most ${max} are allowed.`);
    await hint.waitFor();
    await page.keyboard.press('Enter');
    assert.equal(await title.inputValue(), long);
    await page.reload();
    await hint.waitFor();
    assert.equal(await title.inputValue(), long);
    assert.notEqual((await read()).title, long);
    await title.click();
    await page.keyboard.press('Control+End');
    for (let n = 0; n < 11; n++) await page.keyboard.press('Backspace');
    await eventually(() => hint.count(), 0);
    await eventually(async () => (await read()).title, '🧾'.repeat(max));
  }
  await ann.end();
});

test('a long description, item or new title is not cut', async () => {
  const ann = await User.signUp();
  const { project, path } = await ann.specification('One');
  const page = await ann.open(`/p/${project.id}`);
  const tooLong = (max) => page.getByText(`5 characters too long: at most ${max} are allowed.`);
  await page.getByRole('button', { name: 'New specification' }).click();
  await page.keyboard.insertText('x'.repeat(205));
  await tooLong(200).waitFor();
  await page.keyboard.press('Enter');
  assert.equal(await page.getByRole('button', { name: 'Create specification' }).isDisabled(), true);
  assert.equal((await page.getByRole('textbox', { name: 'Title of the specification' }).inputValue()).length, 205);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a description' }).click();
  await page.keyboard.insertText('y'.repeat(5005));
  await tooLong('5,000').waitFor();
  await page.keyboard.press('Escape');
  await page.reload();
  await tooLong('5,000').waitFor();
  await page.getByText('y'.repeat(5005)).waitFor();
  await page.goto(new URL(path, page.url()).href);
  await page.getByRole('button', { name: 'Description of the specification' }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('z '.repeat(50_000) + 'tail.');
  await tooLong('100,000').waitFor();
  await page.keyboard.press('Escape');
  await row(page, 'One').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('w '.repeat(5000) + 'tail.');
  await tooLong('10,000').waitFor();
  await page.keyboard.press('Escape');
  await page.reload();
  await tooLong('100,000').waitFor();
  await tooLong('10,000').waitFor();
  await ann.end();
});

test('the description of a project is in the outbox: another window sends what a closed one has left', async () => {
  const ann = await User.signUp();
  const { project } = await ann.specification();
  const page = await ann.open(`/p/${project.id}`, { tolerate: offline });
  await page.getByRole('button', { name: 'Add a description' }).waitFor();
  await ann.context.setOffline(true);
  await page.getByRole('button', { name: 'Add a description' }).click();
  await page.keyboard.type('Written without a network.');
  await page.keyboard.press('Escape');
  await page.locator('nav').getByText('Offline: 1 change kept on this device').first().waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.close();
  await ann.context.setOffline(false);
  const next = await ann.open('/');
  const read = async () => (await ann.api('GET', `/projects/${project.id}`)).description;
  await eventually(read, 'Written without a network.');
  await next.goto(`${new URL(next.url()).origin}/p/${project.id}`);
  await next.getByText('Written without a network.').click();
  await next.keyboard.press('Control+a');
  await next.keyboard.press('Delete');
  await next.keyboard.press('Escape');
  await eventually(read, '');
  await saved(next);
  await ann.end();
});

test('a description that both changed is shown twice, and the one that was put aside stays', async () => {
  const ann = await User.signUp();
  const { project } = await ann.specification();
  const page = await ann.open(`/p/${project.id}`, { tolerate: [...offline, /^412 /] });
  await page.getByRole('button', { name: 'Add a description' }).waitFor();
  await ann.context.setOffline(true);
  await page.getByRole('button', { name: 'Add a description' }).click();
  await page.keyboard.type('My words.');
  await page.keyboard.press('Escape');
  await ann.api('PATCH', `/projects/${project.id}`, { description: 'Their words.' });
  await ann.context.setOffline(false);
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await page.reload();
  await page.getByText('Their words.').waitFor();
  await aside(page, 'My words.').getByRole('button', { name: 'Use my text' }).click();
  await eventually(async () => (await ann.api('GET', `/projects/${project.id}`)).description, 'My words.');
  await ann.end();
});

test('what another user writes while a description or title is open is not replaced', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [/^412 /] });
  await page.waitForTimeout(500); // the stream is open
  await page.getByRole('button', { name: 'Description of the specification' }).click();
  await page.keyboard.type(' First.');
  await saved(page);
  await ann.api('PATCH', `/specs/${spec.id}`, { content: 'Their content.' });
  await page.waitForTimeout(1000);
  await page.keyboard.type(' Second.');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keep mine' }).waitFor();
  assert.equal((await ann.api('GET', `/specs/${spec.id}`)).content, 'Their content.');
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await aside(page, 'Money goes back. First. Second.').waitFor();
  await page.getByRole('textbox', { name: 'Title of the specification' }).click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' first');
  await saved(page);
  await ann.api('PATCH', `/specs/${spec.id}`, { title: 'Their title' });
  await page.waitForTimeout(1000);
  await page.keyboard.type(' second');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await eventually(async () => (await ann.api('GET', `/specs/${spec.id}`)).title, 'Refunds first second');
  await ann.end();
});
