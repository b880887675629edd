// All screens of the workspace, with titles and words that are long, for checks of each.
import assert from 'node:assert/strict';
import { User, base } from './harness.mjs';
import { admin } from './screens.mjs';

const word = 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz';
const title = `Erstattungen, Rückbuchungen und ${word}`.slice(0, 100);

/** makeWorld signs up an admin with a project that has a history, a baseline and a trash. */
export async function makeWorld(options) {
  const user = await User.signUp({ reducedMotion: 'reduce', ...options });
  const { id } = await user.api('GET', '/users/me');
  const boss = await admin();
  await boss.api('PATCH', `/admin/users/${id}`, { role: 'admin' });
  await boss.end();
  const post = (path, body) => user.api('POST', path, body);
  const project = await post('/projects', { title, description: `See **all** of it: ${word}${word}.` });
  const at = `/projects/${project.id}`;
  const contents = [
    'Above **500**, two people approve each refund.',
    word + word,
    'A refund with `code`, a [link](https://example.com) and ~~nothing~~ else.',
    'The clerk sees when a refund was approved, and by which of the two people.',
    'An item that is deleted.',
  ];
  const items = contents.map((content) => ({ content }));
  const content = `# Refunds\n\nText with a [link](https://example.com).\n\n## Why\n\n- ${word}\n\n\`\`\`\n${word}${word}\n\`\`\``;
  const spec = await post(`${at}/specs`, { title: `${title} ${title}`.slice(0, 200), content, items });
  await post(`${at}/baselines`, { name: `Approved ${word}`.slice(0, 100) });
  await post(`${at}/specs`, { title: 'Sign-in', content: 'Text', items: [{ content: 'One' }] });
  for (const name of ['Old refunds', 'Older refunds']) {
    const trashed = await post(`${at}/specs`, { title: name, content: 'Text', items: [] });
    await user.api('DELETE', `/specs/${trashed.id}`);
  }
  const trashed = await post('/projects', { title: `Trashed ${title}`.slice(0, 100) });
  await user.api('DELETE', `/projects/${trashed.id}`);
  const empty = await post('/projects', { title: 'Empty' });
  const change = (n, body) => user.api('PATCH', `/items/${spec.items[n].id}`, body);
  await change(0, { content: 'Above **1000**, two people approve each refund.' });
  await change(3, { order: 0 });
  await user.api('DELETE', `/items/${spec.items[4].id}`);
  return { user, empty: `/p/${empty.id}`, project: `/p/${project.id}`, spec: `/p/${project.id}/${spec.number}` };
}

const first = (page, selector) => page.locator(selector).first();
const main = (page, text) => page.locator('main').getByText(text).first();

/** open leads to a path, and waits for a part of its screen. */
const at = (path, selector) => async (page, world) => {
  await page.goto(base + path(world));
  await first(page, selector).waitFor();
};
const specification = at((w) => w.spec, '[role=row]');
const baselines = at((w) => `${w.project}/baselines`, 'main li button[aria-expanded]');
const account = at(() => '/account', 'main section li');

const then =
  (...steps) =>
  async (page, world) => {
    for (const step of steps) await step(page, world);
  };
const press = (key) => (page) => page.keyboard.press(key);
const click = (selector) => (page) => first(page, selector).click({ force: true });
const shown = (selector) => (page) => first(page, selector).waitFor();

/** screens leads to each screen, and to each of its states. */
export const screens = {
  projects: at(() => '/', 'main li'),
  'an empty project': at((w) => w.empty, 'main h2'),
  'new project': then(at(() => '/?new', 'main form')),
  project: at((w) => w.project, 'main li'),
  specification,
  'edited item': then(specification, (page) => first(page, '[role=row]').press('Enter'), shown('[role=row] textarea')),
  'edited description': then(specification, click('main .edit'), shown('main textarea.field')),
  'menu of an item': then(specification, click('[role=row]:nth-of-type(2) button.open'), shown('[role=menu]')),
  'menu of a specification': then(specification, click('.page-title .open'), shown('[role=menu]')),
  'history panel': then(specification, press('Alt+h'), shown('aside [data-version]')),
  'comparison in the panel': then(
    specification,
    press('Alt+h'),
    shown('aside [data-version]'),
    click('aside [data-version]'),
    shown('aside .columns'),
  ),
  versions: at((w) => `${w.spec}/history`, '[data-version]'),
  comparison: at((w) => `${w.spec}/history?v=1`, '.columns'),
  'history of a project': then(
    at((w) => `${w.project}/history`, '[data-toggle]'),
    click('[data-toggle]'),
    shown('main dl, main .specification'),
  ),
  'restore dialog': then(
    at((w) => `${w.project}/history`, '[data-toggle]'),
    (page) => page.locator('[data-toggle]').nth(2).click(),
    (page) => main(page, /Restore this state|Diesen Stand wiederherstellen/).click(),
    shown('dialog .specification'),
  ),
  baselines: then(baselines, click('main li button[aria-expanded]'), shown('main .specification')),
  'deletion of a baseline': then(baselines, click('main li .open'), click('[role=menuitem].danger'), shown('dialog')),
  trash: at(() => '/trash', 'main li'),
  search: at(() => '/search', 'main h2'),
  'search results': at(() => '/search?q=refund', 'mark'),
  'no results': then(
    at(() => '/search?q=nothingofthekind', 'main h2'),
    (page) => page.waitForTimeout(400),
  ),
  account,
  'deletion of the account': then(account, click('section .button.danger'), shown('dialog input')),
  users: at(() => '/admin?q=user', 'main li'),
  'audit events': then(
    at(() => '/admin/events', 'main details'),
    click('main summary'),
    shown('main details[open]'),
  ),
  palette: then(specification, press('Control+k'), (page) => page.keyboard.type('refund'), shown('[role=option] mark')),
  keys: then(specification, press('?'), shown('dialog dl')),
  'unknown page': at(() => '/admin/nothing', 'main h1'),
  'notice and moved item': then(
    specification,
    (page) => page.locator('[role=row]').first().focus(),
    press('Alt+ArrowDown'),
    press('Alt+ArrowUp'),
    press('Delete'),
    shown('.notice'),
  ),
};

/** needsWidth are the states that a narrow page does not have. */
const needsWidth = new Set(['history panel', 'comparison in the panel']);

/** each leads to each screen at a width, and then calls a check at this and other widths. It fails with all that the checks find. */
export async function each(page, world, widths, check) {
  const found = [];
  for (const [name, lead] of Object.entries(screens)) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await lead(page, world);
    for (const width of widths) {
      if (width < 1000 && needsWidth.has(name)) continue;
      await page.setViewportSize({ width, height: Math.round(width < 1000 ? 740 : width * 0.6) });
      await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running'));
      for (const fault of await check(width)) found.push(`${name} at ${width} px: ${fault}`);
    }
  }
  assert.deepEqual(found, []);
}
