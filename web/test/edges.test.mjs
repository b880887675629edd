// A browser and a server that are not as one expects: limits, odd characters, no storage,
// another user.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, newEmail, row, saved } from './harness.mjs';

const writes = (request) => ['POST', 'PATCH', 'DELETE'].includes(request.method()) && !/auth/.test(request.url());

test('after 429 nothing is sent before Retry-After, and then all of it in order', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification();
  const page = await ann.open(path, { tolerate: [/^429 /] });
  await page.getByRole('button', { name: 'New item' }).click();
  let limited = 0;
  const early = [];
  await page.route('**/api/v1/**', async (route) => {
    if (!writes(route.request())) return route.continue();
    if (limited && Date.now() - limited < 9900) early.push(Date.now() - limited);
    if (limited) return route.continue();
    limited = Date.now();
    await route.fulfill({
      status: 429,
      headers: { 'Retry-After': '10' },
      contentType: 'application/problem+json',
      body: '{"code":"rate_limited","detail":"Too many requests."}',
    });
  });
  const lines = Array.from({ length: 8 }, (_, n) => `Line ${n} while busy`);
  for (const line of lines) {
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
    await page
      .locator('nav')
      .getByText(/The server is busy: \d+ changes? kept on this device/)
      .first()
      .waitFor();
  }
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await page.keyboard.press('Escape');
  await eventually(() => ann.contents(spec), lines, 20_000);
  assert.deepEqual(early, []);
  await saved(page);
  await ann.end();
});

test('emoji and combining characters arrive as they are', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path);
  const text = '👩‍👩‍👧‍👦 e\u0301 ≠ é, ก็, \u202eright to left\u202c, 🏳️‍🌈 𝒜\u200d.';
  await row(page, 'One').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
  await page.keyboard.press('Escape');
  await eventually(() => ann.contents(spec), [text]);
  await page.getByRole('textbox', { name: 'Title of the specification' }).fill(text);
  await eventually(async () => (await ann.api('GET', `/specs/${spec.id}`)).title, text);
  await ann.end();
});

test('characters that cannot be stored are kept and named, and can be removed', async () => {
  const ann = await User.signUp();
  const { project, spec, path } = await ann.specification('One');
  const page = await ann.open(path);
  const put = (field, text) =>
    field.evaluate((element, value) => {
      element.value = value;
      element.dispatchEvent(new Event('input', { bubbles: true }));
    }, text);
  const remove = (name) =>
    page.getByText(`${name} cannot be stored.`).locator('..').getByRole('button', { name: 'Remove' }).click();
  await row(page, 'One').click();
  await put(page.getByRole('textbox', { name: /Text of the item/ }), 'a NUL \0 and half \ud83d a pair');
  await page.keyboard.press('Escape');
  await page.getByText('The character U+0000 at position 7 cannot be stored.').waitFor();
  await page.reload();
  await remove('The character U+0000 at position 7');
  await eventually(() => ann.contents(spec), ['a NUL  and half  a pair']);
  await put(page.getByRole('textbox', { name: 'Title of the specification' }), 'A tab\tand \ud800 half');
  await page.keyboard.press('Enter');
  await remove('The character U+0009 at position 6');
  await eventually(async () => (await ann.api('GET', `/specs/${spec.id}`)).title, 'A taband  half');
  await page.getByRole('button', { name: 'Description of the specification' }).click();
  await put(page.getByRole('textbox', { name: 'Description' }), 'Form feed \f.');
  await remove('The character U+000C at position 11');
  await eventually(async () => (await ann.api('GET', `/specs/${spec.id}`)).content, 'Form feed .');
  await page.goto(new URL(`/p/${project.id}`, page.url()).href);
  await page.getByRole('button', { name: 'New specification' }).click();
  await put(page.getByRole('textbox', { name: 'Title of the specification' }), 'Bell \u0007');
  await remove('The character U+0007 at position 6');
  await page.getByRole('button', { name: 'Create specification' }).click();
  await page.getByRole('heading', { name: 'Bell', exact: true }).waitFor({ state: 'attached' });
  await ann.end();
});

const broken = {
  'is missing': () => Object.defineProperty(window, 'indexedDB', { value: undefined }),
  'is refused': () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    };
  },
  'never answers': () => {
    IDBFactory.prototype.open = () => new EventTarget();
  },
  'fails while it reads': () => {
    IDBObjectStore.prototype.getAll = () => {
      throw new DOMException('Internal error', 'UnknownError');
    };
  },
  'has no space': () => {
    IDBObjectStore.prototype.put = function () {
      this.transaction.abort();
      throw new DOMException('Full', 'QuotaExceededError');
    };
  },
};
for (const [what, breakIt] of Object.entries(broken)) {
  test(`a page whose IndexedDB ${what} says that it keeps nothing, and works`, async () => {
    const ann = await User.signUp();
    const { spec, path } = await ann.specification('One');
    await ann.context.addInitScript(breakIt);
    const page = await ann.open(path);
    await row(page, 'One').click();
    await page.keyboard.type(' and more');
    await page.keyboard.press('Enter');
    await page.keyboard.type('Two');
    await page.keyboard.press('Escape');
    await eventually(() => ann.contents(spec), ['One and more', 'Two']);
    await page.locator('main').getByText('Edits are not kept if this page closes').waitFor();
    await saved(page);
    await ann.end();
  });
}

test('a page that keeps nothing asks before it closes with unsent edits', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One');
  await ann.context.addInitScript(broken['is missing']);
  const page = await ann.open(path, { tolerate: [/ERR_/] });
  await row(page, 'One').waitFor();
  await ann.context.setOffline(true);
  await row(page, 'One').click();
  await page.keyboard.type(' unsent');
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  await (await asked).dismiss();
  await ann.context.setOffline(false);
  await saved(page);
  await ann.end();
});

test('edits of a user are not sent as another user of the browser, and wait for the first one', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One');
  const page = await ann.open(path, { tolerate: [/ERR_/, /^40[14] /] });
  await row(page, 'One').waitFor();
  const ownID = (await ann.api('GET', '/users/me')).id;
  const senders = new Set();
  let blocked = true;
  await ann.context.route(/\/api\/v1\/(items|specs)\//, (route) => {
    if (blocked) return route.abort();
    const [, claims] = route.request().headers()['authorization'].split('.');
    senders.add(JSON.parse(Buffer.from(claims, 'base64url').toString()).sub);
    return route.continue();
  });
  await row(page, 'One').click();
  await page.keyboard.type(' by the first');
  await page.keyboard.press('Escape');
  await page.locator('nav').getByText('Offline: 1 change').first().waitFor();

  // The session of the first user ends, and another user signs in where this page does not
  // notice: it gets the other user's token when it wants to send.
  await page.route('**/auth/refresh', (route) => (blocked ? route.abort() : route.fallback()));
  await ann.api('POST', '/auth/logout', { all_sessions: true });
  ann.token = undefined;
  const signIn = async (email, path) => {
    const at = `/api/v1/auth/google?return_to=${encodeURIComponent(path)}`;
    const window = await ann.open(at, { signedOut: true, tolerate: [/^40[14] /] });
    await window.getByRole('textbox').fill(email);
    await window.keyboard.press('Enter');
    await window.waitForURL((url) => url.pathname === path);
    return window;
  };
  const second = await signIn(newEmail(), '/docs');
  blocked = false;
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await page.getByText('You have no project with this id').first().waitFor(); // it is the second user's page now
  assert.equal(await page.getByText('by the first').count(), 0);
  assert.deepEqual(
    [...senders].filter((id) => id !== ownID),
    [],
  );
  await page.close();
  await second.close();

  const first = await signIn(ann.email, '/');
  await eventually(() => ann.contents(spec), ['One by the first']);
  await saved(first);
  assert.deepEqual([...senders], [ownID]);
  await ann.end();
});

test('two browsers of one user edit at once, and neither loses a text', async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('Shared', 'Left', 'Right');
  const here = await ann.open(path, { tolerate: [/^412 /] });
  const other = await User.signUp({ email: ann.email });
  const there = await other.open(path, { tolerate: [/^412 /] });
  await row(here, 'Shared').waitFor();
  await row(there, 'Shared').waitFor();
  const write = async (page, own) => {
    await row(page, own).click();
    for (let n = 0; n < 8; n++) {
      await page.keyboard.press('Enter');
      await page.keyboard.type(`${own} ${n} is written at the same time`, { delay: 8 });
    }
    await page.keyboard.press('Escape');
    await row(page, 'Shared').click();
    await page.keyboard.type(` ${own}`);
    await page.keyboard.press('Escape');
  };
  await Promise.all([write(here, 'Left'), write(there, 'Right')]);
  for (const page of [here, there]) {
    const keep = page.getByRole('button', { name: 'Keep mine' });
    await page.waitForTimeout(1500);
    if (await keep.count()) await page.getByRole('button', { name: 'Take theirs' }).click();
    await saved(page);
  }
  const all = await ann.contents(spec);
  for (const own of ['Left', 'Right'])
    for (let n = 0; n < 8; n++) assert.ok(all.includes(`${own} ${n} is written at the same time`), `${own} ${n}`);
  const asides = await Promise.all(
    [here, there].map((page) => page.getByRole('region', { name: /^Put aside/ }).allTextContents()),
  );
  const shared = [all.find((text) => text.startsWith('Shared')), ...asides.flat()].join('\n');
  for (const own of ['Left', 'Right']) assert.ok(shared.includes(own), shared);
  await eventually(() => here.locator('[role=row] .markdown').allTextContents(), all);
  await eventually(() => there.locator('[role=row] .markdown').allTextContents(), all);
  await ann.end();
  await other.end();
});
