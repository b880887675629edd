import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { accessible, fits, reset, signIn, until } from './screens.mjs';

/** gone tolerates the responses to a page whose session has ended. */
const gone = { tolerate: [/^401 /] };

test('the account shows the profile, is accessible, and fits every width', async () => {
  const ann = await signIn();
  const page = await ann.open('/account');
  await page.getByRole('heading', { level: 1, name: ann.email.split('@')[0] }).waitFor();
  await page.getByText('This device').waitFor();
  await accessible(page);
  await fits(page);
  await page.getByRole('button', { name: 'Delete account…' }).click();
  await page.getByRole('dialog').waitFor();
  await accessible(page);
  await ann.end();
});

test('the name is changed by keyboard alone', async () => {
  const ann = await signIn();
  const page = await ann.open('/account');
  const name = page.getByLabel('Name', { exact: true });
  await name.focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Ann Example');
  await page.keyboard.press('Escape');
  assert.equal(await name.inputValue(), ann.email.split('@')[0]);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('  Ann Example ');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Ann Example' }).waitFor();
  assert.equal((await ann.api('GET', '/users/me')).name, 'Ann Example');
  await ann.end();
});

test('a path leads to a section', async () => {
  const ann = await signIn();
  const page = await ann.open('/account/delete');
  await until(() => page.evaluate(() => document.activeElement?.id === 'delete'), 'the focus is there');
  await ann.end();
});

test('sessions of other devices are listed, and end', async () => {
  const phone = { userAgent: 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0' };
  const ann = await signIn();
  const other = await signIn(ann.email, phone);
  const page = await ann.open('/account');
  const row = page.getByRole('listitem').filter({ hasText: 'Firefox on Android' });
  await row.waitFor();
  assert.equal(await page.getByText('This device').count(), 1);
  const elsewhere = await other.open('/account', gone);
  await elsewhere.getByText('This device').waitFor();

  await row.getByRole('button', { name: /End the session of Firefox on Android/ }).click();
  await page.getByText('The session of Firefox on Android has ended.').waitFor();
  assert.equal(await row.count(), 0);
  await page.getByText('You are signed in here and nowhere else.').waitFor();
  await elsewhere.getByLabel('Name', { exact: true }).fill('From elsewhere');
  await elsewhere.getByRole('button', { name: 'Save' }).click();
  await elsewhere.getByRole('dialog', { name: 'Your session has ended' }).waitFor();

  const more = [await signIn(ann.email), await signIn(ann.email, phone)];
  await page.reload();
  await page.getByRole('button', { name: 'End all other sessions' }).click();
  await page.getByText('2 sessions have ended.').waitFor();
  const { sessions } = await ann.api('GET', '/auth/sessions');
  assert.deepEqual(
    sessions.map((s) => s.current),
    [true],
  );
  await ann.end();
  await other.end();
  for (const user of more) await user.end();
});

async function withProject() {
  const ann = await signIn();
  const project = await ann.api('POST', '/projects', { title: 'Invoice portal' });
  await ann.api('POST', `/projects/${project.id}/specs`, {
    title: 'Refunds',
    content: 'x',
    items: Array.from({ length: 300 }, (_, n) => ({ content: `Item ${n} ${'ä'.repeat(900)}` })),
  });
  return ann;
}

test('the export is a download with everything', async () => {
  const ann = await withProject();
  await ann.context.addInitScript(() => delete window.showSaveFilePicker); // as in Firefox
  const page = await ann.open('/account');
  for (const history of [false, true]) {
    await page.getByRole('checkbox').setChecked(history);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export' }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^codegenapp-\d{4}-\d\d-\d\d\.json$/);
    const file = readFileSync(await download.path());
    const { user, projects } = JSON.parse(file);
    assert.equal(user.email, ann.email);
    assert.equal(projects[0].specifications[0].items.length, 300);
    assert.equal('changes' in projects[0], history);
    await page.getByText(/Exported [\d.]+ (kB|MB)\./).waitFor();
  }
  await ann.end();
});

/** chooseFile makes the browser's dialog choose a file of the origin, which a script can read. */
const chooseFile = (context) =>
  context.addInitScript(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => {
      if (window.declines) throw new DOMException('', 'AbortError');
      const folder = await navigator.storage.getDirectory();
      return folder.getFileHandle(suggestedName, { create: true });
    };
  });

const storedFiles = async () => {
  const files = [];
  for await (const handle of (await navigator.storage.getDirectory()).values())
    files.push(await (await handle.getFile()).text());
  return files;
};

test('the export is written to a chosen file, part by part', async () => {
  const ann = await withProject();
  await chooseFile(ann.context);
  const page = await ann.open('/account');
  const start = page.getByRole('button', { name: 'Export' });
  await page.evaluate(() => (window.declines = true));
  await start.click();
  assert.deepEqual(await page.evaluate(storedFiles), []);
  await page.evaluate(() => (window.declines = false));
  await start.click();
  await page.getByText(/Exported/).waitFor();
  const [text] = await page.evaluate(storedFiles);
  assert.equal(JSON.parse(text).projects[0].specifications[0].items.length, 300);
  await ann.end();
});

test('an export that breaks says so, and leaves no text', async () => {
  const ann = await withProject();
  await chooseFile(ann.context);
  const page = await ann.open('/account', { tolerate: [reset] });
  await page.route('**/users/me/export*', (route) => route.abort('connectionreset'));
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('alert').filter({ hasText: 'no file was saved' }).waitFor();
  assert.equal((await page.evaluate(storedFiles)).join(''), '');
  await accessible(page);
  await page.unroute('**/users/me/export*');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByText(/Exported/).waitFor();
  await ann.end();
});

test('signing out ends the session', async () => {
  const ann = await signIn();
  const page = await ann.open('/account', gone);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.reload();
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  await ann.end();
});

test('an account is deleted once its address is typed', async () => {
  const ann = await withProject();
  const page = await ann.open('/account', gone);
  await page.getByRole('button', { name: 'Delete account…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete your account for good?' });
  await dialog.getByText('1 project, with all specifications').waitFor();
  const now = dialog.getByRole('button', { name: 'Delete for good' });
  const field = dialog.getByRole('textbox');
  for (const typed of ['', 'ann', 'someone@example.com']) {
    await field.fill(typed);
    assert.ok(await now.isDisabled(), typed);
    await field.press('Enter');
  }
  await page.keyboard.press('Escape');
  assert.equal(await dialog.count(), 0);
  assert.equal((await ann.api('GET', '/users/me')).email, ann.email);

  await page.getByRole('button', { name: 'Delete account…' }).click();
  await field.fill(ann.email.toUpperCase());
  await field.press('Enter');
  await page.getByRole('status').getByText('Your account is deleted.').waitFor();
  await page.getByRole('link', { name: 'Sign in with Google' }).waitFor();
  await assert.rejects(ann.api('GET', '/users/me'), /401/);
  await ann.end();

  const again = await signIn(ann.email);
  assert.deepEqual((await again.api('GET', '/projects')).projects, []);
  await again.end();
});
