import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, axe, eventually, row } from './harness.mjs';
import { fits } from './screens.mjs';

const word = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(2);

test('the description of a project is rendered, edited as text, and plain in the list', async () => {
  const ann = await User.signUp();
  const project = await ann.api('POST', '/projects', { title: 'Portal', description: 'See **all** of it.' });
  const page = await ann.open('/');
  await page.getByText('See all of it.').waitFor();
  await page.getByRole('link', { name: /Portal.*See all/ }).click();
  await page.locator('main strong', { hasText: 'all' }).waitFor();
  await page.getByRole('button', { name: 'Description of the project' }).press('Enter');
  await page.keyboard.type('\n\n- *one*');
  await page.keyboard.press('Escape');
  await page.locator('main li em', { hasText: 'one' }).waitFor();
  const stored = async () => (await ann.api('GET', `/projects/${project.id}`)).description;
  await eventually(stored, 'See **all** of it.\n\n- *one*');
  await axe(page, 'a project with a description');
  await ann.end();
});

test('a description that was changed elsewhere meanwhile shows both texts', async () => {
  const ann = await User.signUp();
  const project = await ann.api('POST', '/projects', { title: 'Portal' });
  const page = await ann.open(`/p/${project.id}`, { tolerate: [/^412 /] });
  await page.getByRole('button', { name: 'Add a description' }).click();
  await page.keyboard.type('Mine.');
  await ann.api('PATCH', `/projects/${project.id}`, { description: 'Theirs.' });
  await page.keyboard.press('Escape');
  await page.getByRole('group', { name: 'Two versions' }).getByText('Theirs.').waitFor();
  await axe(page, 'a conflict of descriptions');
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await eventually(async () => (await ann.api('GET', `/projects/${project.id}`)).description, 'Mine.');
  await ann.end();
});

test('a new row at the lower edge is in view, with room below it', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification(...Array.from({ length: 80 }, (_, n) => `Requirement ${n} of the portal.`));
  const page = await ann.open(path);
  await row(page, 'Requirement 20 ').waitFor();
  await page.keyboard.press('n');
  for (const text of ['One', 'Two']) {
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }
  const below = () =>
    page.evaluate(() => innerHeight - document.activeElement.closest('[role=row]').getBoundingClientRect().bottom > 60);
  await eventually(below, true);
  await ann.end();
});

test('very long words stay in the window, and so does the palette', async () => {
  const ann = await User.signUp();
  const project = await ann.api('POST', '/projects', { title: word, description: word + word });
  await ann.api('POST', `/projects/${project.id}/specs`, { title: word, content: word + word, items: [] });
  const page = await ann.open(`/p/${project.id}`);
  await page.getByText('0 items').waitFor();
  await fits(page);
  await page.goto(`${page.url()}/1`);
  await page.getByText('What must be true?').waitFor();
  await fits(page);
  await page.setViewportSize({ width: 360, height: 700 });
  await page.keyboard.press('Control+k');
  await page.getByRole('option').first().waitFor();
  const over = () => page.locator('dialog').evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
  assert.equal(await over(), 0);
  await ann.end();
});

test('a number that the browser does not let copy is said', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One.');
  const page = await ann.open(path);
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await row(page, 'One.').hover();
  await page.getByRole('button', { name: 'Actions for 1.1' }).click();
  await page.getByRole('menuitem', { name: 'Copy the number' }).click();
  await page.getByText('The number is 1.1.').waitFor();
  await ann.end();
});

test('a Mac has its own keys', async () => {
  const ann = await User.signUp();
  await ann.context.addInitScript(() => Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' }));
  const page = await ann.open('/');
  await page.getByText('⌘ K').waitFor();
  await page.keyboard.press('Control+k');
  assert.equal(await page.getByRole('combobox').count(), 0);
  await page.keyboard.press('Meta+k');
  await page.getByRole('combobox').waitFor();
  await ann.end();
});
