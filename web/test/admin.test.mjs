import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, admin, fits, nameOf, reset, signIn, until } from './screens.mjs';

test('a user without the role has no link, and a page that says why', async () => {
  const ann = await signIn();
  const page = await ann.open('/admin', { tolerate: [/^403 /] });
  await page.getByText('This is for administrators and auditors').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Administration' }).count(), 0);
  await accessible(page);
  await fits(page);
  const boss = await admin();
  const { id } = await ann.api('GET', '/users/me');
  await boss.api('PATCH', `/admin/users/${id}`, { role: 'auditor' });
  await page.getByRole('button', { name: 'Check again' }).click();
  await page.getByText('you can read everything here, and change nothing').waitFor();
  await page.getByRole('link', { name: 'Administration' }).waitFor();

  // The role is taken away while the page is open.
  await boss.api('PATCH', `/admin/users/${id}`, { role: 'user' });
  await page.getByRole('link', { name: 'Audit events' }).click();
  await page.getByText('This is for administrators and auditors').waitFor();
  await boss.end();
  await ann.end();
});

test('an admin finds a user, and changes the role by keyboard', async () => {
  const boss = await admin();
  const eve = await signIn();
  const { id } = await eve.api('GET', '/users/me');
  const page = await boss.open('/');
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('listitem').filter({ hasText: '(you)' }).waitFor();
  await accessible(page);
  await fits(page);

  await page.getByRole('searchbox', { name: 'Name or e-mail address' }).fill(nameOf(eve).toUpperCase());
  await until(() => page.url().endsWith(`/admin?q=${nameOf(eve).toUpperCase()}`), 'the address has the filter');
  const row = page.getByRole('main').getByRole('listitem');
  await until(async () => (await row.count()) === 1, 'one user is left');
  await row.getByRole('button', { name: `Actions for ${nameOf(eve)}` }).press('Enter');
  await accessible(page);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await row.getByText('Auditor').waitFor();
  assert.equal((await eve.api('GET', '/users/me')).role, 'auditor');
  await page.getByRole('button', { name: 'Undo' }).click();
  await until(async () => (await eve.api('GET', '/users/me')).role === 'user', 'the role is back');

  await page.reload(); // a link to a filter works
  await until(async () => (await row.count()) === 1, 'one user is left');
  await row.getByRole('button').press('Enter');
  await page.getByRole('menuitem', { name: 'Show audit events' }).press('Enter');
  await until(() => page.url().endsWith(`/admin/events?actor=${id}`), 'the events of that user');
  await page.getByRole('main').locator('summary').filter({ hasText: 'Signed in' }).first().waitFor();
  await boss.end();
  await eve.end();
});

test('a suspended user is signed out at once, until reinstated', async () => {
  const boss = await admin();
  const eve = await signIn();
  const hers = await eve.open('/account', { tolerate: [/^401 /, /^403 /] });
  await hers.getByText('This device').waitFor();
  const page = await boss.open(`/admin?q=${nameOf(eve)}`);
  const row = page.getByRole('main').getByRole('listitem');
  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Suspend…' }).click();
  const dialog = page.getByRole('dialog', { name: `Suspend ${nameOf(eve)}?` });
  await accessible(page);
  await dialog.getByRole('button', { name: 'Suspend' }).click();
  await row.getByText('Suspended', { exact: true }).waitFor();
  await accessible(page);
  await hers.getByLabel('Name', { exact: true }).fill('Eve');
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.getByRole('dialog', { name: 'Your session has ended' }).waitFor();

  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Reinstate' }).click();
  await page.getByText('may sign in again').waitFor();
  await (await signIn(eve.email)).end();
  await boss.end();
  await eve.end();
});

test('a user cannot change their own role, and an auditor cannot change any', async () => {
  const boss = await admin();
  const page = await boss.open('/admin?q=admin@example.com');
  await page.getByRole('main').getByRole('listitem').getByRole('button').click();
  assert.deepEqual(await page.getByRole('menuitem').allInnerTexts(), ['Show audit events']);
  const iris = await signIn();
  const { id } = await iris.api('GET', '/users/me');
  await boss.api('PATCH', `/admin/users/${id}`, { role: 'auditor' });
  const theirs = await iris.open('/admin?q=admin@example.com');
  await theirs.getByRole('main').getByRole('listitem').getByRole('button').click();
  assert.deepEqual(await theirs.getByRole('menuitem').allInnerTexts(), ['Show audit events']);
  await boss.end();
  await iris.end();
});

test('audit events have filters, details, and further pages', async () => {
  const boss = await admin();
  const eve = await signIn();
  const { id } = await eve.api('GET', '/users/me');
  for (let n = 0; n < 26; n++)
    for (const role of ['auditor', 'user']) await boss.api('PATCH', `/admin/users/${id}`, { role });
  await (await signIn()).end(); // an event of another kind, newer than those
  const page = await boss.open('/admin/events');
  const events = page.locator('main details');
  await until(async () => (await events.count()) === 50, 'the first page');
  const created = events.filter({ hasText: 'Account created' });
  await created.first().waitFor();
  await page.getByLabel('Event').selectOption('user.role_changed');
  await until(() => page.url().endsWith('?action=user.role_changed'), 'the address has the filter');
  await until(async () => (await created.count()) === 0, 'other events are gone');
  const newest = events.first();
  await newest.getByText(`→ ${nameOf(eve)}: Auditor → User`).waitFor();
  await newest.locator('summary').press('Enter');
  await newest.getByText(id).waitFor();
  await newest.getByText('user.role_changed').waitFor();
  await accessible(page);
  await fits(page);
  await page.getByRole('button', { name: 'Show more' }).click();
  await until(async () => (await events.count()) >= 52, 'the second page');

  await newest.getByRole('link', { name: 'Only this user' }).click();
  await page.getByRole('button', { name: /Show the events of all users, not only of/ }).waitFor();
  await page.getByLabel('To', { exact: true }).fill('2020-01-01');
  await page.getByText('Nothing of this kind happened in this time.').waitFor();
  await accessible(page);
  await page.goBack();
  await page.goForward();
  await page.getByText('Nothing of this kind happened in this time.').waitFor();
  await page.getByRole('link', { name: 'Reset filters' }).click();
  await until(async () => (await events.count()) === 50, 'all events again');
  await boss.end();
  await eve.end();
});

test('a list that cannot be loaded offers to try again', async () => {
  const boss = await admin();
  const page = await boss.open('/account', { tolerate: [reset] });
  await page.getByText('This device').waitFor();
  await page.route('**/admin/**', (route) => route.abort('connectionreset'));
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('alert').getByText('This could not be loaded').waitFor();
  await accessible(page);
  await page.unroute('**/admin/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('listitem').filter({ hasText: '(you)' }).waitFor();
  await boss.end();
});
