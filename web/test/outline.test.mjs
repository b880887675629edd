import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row, saved } from './harness.mjs';

test('a first project is written by keyboard alone', async () => {
  const ann = await User.signUp();
  const { page } = ann;
  await page.getByRole('textbox', { name: 'Title of the project' }).waitFor();
  await page.keyboard.type('Invoice portal');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Nothing specified yet' }).waitFor();
  await page.getByRole('button', { name: 'New specification' }).press('Enter');
  await page.keyboard.type('Refunds');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'What must be true?' }).waitFor();
  await page.keyboard.press('n');
  for (const text of ['One', 'Two', 'Three  with *stars* ']) {
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+ArrowUp');
  await saved(page);
  const { projects } = await ann.api('GET', '/projects');
  const { specifications } = await ann.api('GET', `/projects/${projects[0].id}/specs`);
  await eventually(() => ann.contents(specifications[0]), ['One', 'Three  with *stars* ', 'Two']);
  await page.reload();
  await row(page, 'Three with stars').waitFor();
  await ann.end();
});

test('twenty lines and ten moves, faster than the network, arrive in order', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification();
  const page = await ann.open(path);
  await page.getByRole('button', { name: 'New item' }).click();
  const lines = Array.from({ length: 20 }, (_, n) => `Line ${n + 1} of twenty`);
  for (const line of lines) {
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
  }
  await page.keyboard.press('Escape');
  await page.keyboard.press('Home');
  for (let n = 0; n < 10; n++) await page.keyboard.press('Alt+ArrowDown');
  const want = [...lines.slice(1, 11), lines[0], ...lines.slice(11)];
  await eventually(
    () =>
      page
        .locator('.markdown')
        .allTextContents()
        .then((all) => all.slice(-20)),
    want,
  );
  await eventually(() => ann.contents(spec), want);
  await saved(page);
  await ann.end();
});

test('items are edited, deleted and brought back; undo works beyond the field', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two', 'Three');
  const page = await ann.open(path);
  await row(page, 'Two').click();
  await page.keyboard.press('End');
  await page.keyboard.type(' and more');
  await page.keyboard.press('Escape');
  await eventually(() => ann.contents(spec), ['One', 'Two and more', 'Three']);
  await page.keyboard.press('Control+z');
  await eventually(() => ann.contents(spec), ['One', 'Two', 'Three']);
  await page.keyboard.press('Control+Shift+z');
  await eventually(() => ann.contents(spec), ['One', 'Two and more', 'Three']);
  await page.keyboard.press('Delete');
  await eventually(() => ann.contents(spec), ['One', 'Three']);
  await page.getByRole('button', { name: 'Undo' }).click();
  await eventually(() => ann.contents(spec), ['One', 'Two and more', 'Three']);
  await eventually(() => page.getByRole('row').count(), 3);
  await ann.end();
});

test('an item is dragged by its grip, and moved by its menu', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two', 'Three');
  const page = await ann.open(path);
  await row(page, 'One').hover();
  const from = await row(page, 'One').locator('.grip').boundingBox();
  const to = await row(page, 'Three').boundingBox();
  await page.mouse.move(from.x + 8, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(from.x + 8, to.y + to.height - 3, { steps: 8 });
  await page.mouse.up();
  await eventually(() => ann.contents(spec), ['Two', 'Three', 'One']);
  await row(page, 'One').hover();
  await row(page, 'One')
    .getByRole('button', { name: /Actions for/ })
    .click();
  await page.getByRole('menuitem', { name: 'Move up' }).click();
  await eventually(() => ann.contents(spec), ['Two', 'One', 'Three']);
  await ann.end();
});

test('title and text are edited byte for byte, and rendered as Markdown', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path);
  await page.getByRole('textbox', { name: 'Title of the specification' }).fill('Returns');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Description of the specification' }).click();
  const text = '# Returns\n\n- a  \n- **b**\n\n<img src=x onerror=alert(1)>\n\n\ttab & end  ';
  await page.getByRole('textbox', { name: 'Description' }).fill(text);
  await page.keyboard.press('Escape');
  await saved(page);
  const now = await ann.api('GET', `/specs/${spec.id}`);
  assert.equal(now.title, 'Returns');
  assert.equal(now.content, text);
  assert.equal(await page.locator('.text strong').innerText(), 'b');
  assert.equal(await page.locator('main img').count(), 0);
  await ann.end();
});

test('search finds an item and goes to it', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One', 'A zebra crosses', 'Three');
  const page = await ann.open('/');
  await page.getByRole('heading', { name: 'Projects', exact: true }).first().waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('zebra');
  await page.getByRole('option', { name: 'A zebra crosses' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname === path);
  await eventually(
    () => page.evaluate(() => document.activeElement?.getAttribute('aria-label')),
    '1.2 A zebra crosses',
  );
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keyboard' }).waitFor();
  await page.keyboard.press('Escape');
  await eventually(() => page.getByRole('dialog').count(), 0);
  await ann.end();
});

test('typing straight after undo is no conflict with oneself', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two');
  const page = await ann.open(path, { tolerate: [/^412 /] });
  const field = page.getByRole('textbox', { name: /Text of the item/ });
  for (const inField of [true, false]) {
    await row(page, 'One').click();
    await page.keyboard.press('End');
    await page.keyboard.type(' changed');
    await page.keyboard.press('Escape');
    await saved(page);
    if (inField) await page.keyboard.press('Enter');
    await page.keyboard.press('Control+z');
    if (!inField) await page.keyboard.press('Enter');
    await page.keyboard.type('!');
    const typed = await field.inputValue();
    await page.keyboard.press('Escape');
    await page.waitForTimeout(1500);
    assert.equal(await page.getByRole('button', { name: 'Keep mine' }).count(), 0);
    await eventually(() => ann.contents(spec), [typed, 'Two']);
  }
  await ann.end();
});

test('a field that is open and untouched follows undo', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One', 'Two');
  const page = await ann.open(path);
  const field = page.getByRole('textbox', { name: /Text of the item/ });
  await row(page, 'One').click();
  await page.keyboard.type(' changed');
  await page.keyboard.press('Escape');
  await saved(page);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+z');
  await eventually(() => field.inputValue(), 'One');
  await ann.end();
});
