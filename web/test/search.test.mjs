import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, fits, reset, signIn, until } from './screens.mjs';

let ann, project, spec;

before(async () => {
  ann = await signIn();
  project = await ann.api('POST', '/projects', { title: 'Invoice portal' });
  await ann.api('POST', '/projects', { title: 'Refund desk' });
  spec = await ann.api('POST', `/projects/${project.id}/specs`, {
    title: 'Refunds',
    content: 'A refund returns money.',
    items: [
      { content: 'A refund is paid within five days.' },
      { content: 'No <img src=x onerror=alert(1)> in a refund, <b>never</b>.' },
      ...Array.from({ length: 60 }, (_, n) => ({ content: `Many things, number ${n}` })),
    ],
  });
});
after(async () => {
  await ann.end();
});

const hits = (page) => page.getByRole('listbox').getByRole('option');
const field = (page) => page.getByRole('combobox', { name: 'Search in all projects' });

test('hits come while one types, in groups, with the words marked', async () => {
  const page = await ann.open('/search');
  await page.getByText('What are you looking for?').waitFor();
  await accessible(page);
  await page.keyboard.type('refund');
  await page.getByRole('status').getByText('4 results').waitFor();
  for (const group of ['Projects', 'Specifications', 'Items']) await page.getByRole('group', { name: group }).waitFor();
  assert.deepEqual(
    (await page.locator('mark').allInnerTexts()).map((text) => text.toLowerCase()),
    ['refund', 'refund', 'refund'],
  );
  await page.getByText('No <img src=x onerror=alert(1)> in a').waitFor(); // text stays text
  assert.equal(await page.locator('main img').count(), 0);
  await until(() => page.url().endsWith('/search?q=refund'), 'the address has the query');
  await accessible(page);
  await fits(page);
  await page.close();
});

test('arrows choose a hit, and Enter opens it', async () => {
  const page = await ann.open('/search?q=refund');
  await hits(page).first().waitFor();
  const active = () => page.locator('[aria-selected=true]');
  assert.equal(await field(page).getAttribute('aria-activedescendant'), await active().getAttribute('id'));
  await page.keyboard.press('ArrowUp');
  assert.equal(await active().getAttribute('id'), await hits(page).last().getAttribute('id'));
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
  await active().getByText('Refunds', { exact: true }).waitFor();
  assert.equal(await field(page).getAttribute('aria-activedescendant'), await active().getAttribute('id'));
  await page.keyboard.press('Enter');
  await until(() => page.url().endsWith(`/p/${project.id}/${spec.number}`), 'the specification is open');
  await page.goBack();
  await hits(page).filter({ hasText: '1.1' }).click();
  await until(() => new URL(page.url()).pathname === `/p/${project.id}/1`, 'the item is open');
  await page.close();
});

test('only the newest query counts', async () => {
  const page = await ann.open('/search');
  const asked = [];
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route('**/api/v1/search?*', async (route) => {
    const q = new URL(route.request().url()).searchParams.get('q');
    asked.push(q);
    if (q === 'desk') await held;
    await route.continue().catch(() => undefined); // the page has aborted it
  });
  await field(page).evaluate((input) => {
    for (const text of ['d', 'de', 'des', 'desk']) {
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }
  });
  await until(() => asked.length > 0, 'the first request');
  assert.deepEqual(asked, ['desk'], 'letters that follow each other are one request');
  const aborted = page.waitForEvent('requestfailed');
  await field(page).fill('five');
  assert.match((await aborted).url(), /q=desk/);
  release();
  await page.getByText('is paid within').waitFor();
  assert.equal(await hits(page).filter({ hasText: 'Refund desk' }).count(), 0);
  await page.close();
});

test('kind and project narrow the search, further pages follow', async () => {
  const page = await ann.open(`/search?q=refund&kind=item&project=${project.id}`);
  await page.getByRole('status').getByText('2 results').waitFor();
  await page.getByLabel('Kind').selectOption('project');
  await page.getByText('Nothing contains “refund”').first().waitFor();
  await accessible(page);
  await page.getByLabel('Project', { exact: true }).selectOption('');
  await hits(page).filter({ hasText: 'Refund desk' }).waitFor();
  await page.goto(page.url().replace(/\?.*/, '?q=many+things'));
  await page.getByRole('status').getByText('More than 50 results').waitFor();
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.getByRole('status').getByText('60 results', { exact: true }).waitFor();
  await page.close();
});

test('a search that fails can be tried again', async () => {
  const page = await ann.open('/search', { tolerate: [reset] });
  await page.route('**/api/v1/search?*', (route) => route.abort('connectionreset'));
  await field(page).fill('refund');
  await page.getByRole('alert').waitFor();
  await accessible(page);
  await page.unroute('**/api/v1/search?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('status').getByText('4 results').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  await page.close();
});

test('a specification that is gone has a page', async () => {
  const page = await ann.open(`/p/${project.id}/specification/${project.id}`, { tolerate: [/^404 /] });
  await page.getByText('There is no such specification').waitFor();
  await page.close();
});
