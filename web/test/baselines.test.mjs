// Baselines and the trash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { button, checkAccess, makeHistory } from './history.fixture.mjs';

async function name(page, text) {
  await button(page, 'New baseline').press('Enter');
  await page.getByPlaceholder('Name, such as').fill(text);
  await page.keyboard.press('Enter');
}

test('a baseline is created once, although its response is lost', async () => {
  const { user, api, page: first, path, project } = await makeHistory();
  const page = await user.open(`${path}/baselines`, { tolerate: [/ERR_FAILED/, /409 /] });
  await page.getByText('No baselines yet').waitFor();
  await checkAccess(page, 'no baselines');
  let lost = 0;
  await page.route('**/baselines', async (route) => {
    if (route.request().method() !== 'POST' || lost++ > 0) return route.continue();
    await route.fetch(); // the server creates it
    await route.abort();
  });
  await name(page, '1.0');
  await page.getByText('The server cannot be reached').first().waitFor();
  await button(page, 'Create baseline').press('Enter');
  await page.getByText('Baseline “1.0” created.').waitFor();
  const { baselines } = await api('GET', `/projects/${project.id}/baselines`);
  assert.equal(baselines.length, 1);
  await page.getByText(baselines[0].digest.slice(0, 19)).waitFor();
  await page.getByText('as it is now').waitFor();

  await name(page, '1.0');
  await page.locator('.failure', { hasText: 'has a baseline' }).waitFor();
  await button(page, 'Cancel').click();
  await first.close();
  await user.end();
});

test('a baseline is copied, compared with now, restored and deleted', async () => {
  const { user, api, path, project, refunds, a } = await makeHistory({
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const { digest } = await api('POST', `/projects/${project.id}/baselines`, { name: 'Approved' });
  await api('PATCH', `/items/${a.id}`, { content: 'Something else.' });
  await api('DELETE', `/specs/${refunds.id}`);
  const page = await user.open(`${path}/baselines`);
  await button(page, 'Copy the digest of Approved').click();
  await page.getByText('Copied.').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), digest);

  await button(page, 'Approved: Compare with now').press('Enter');
  await page.locator('ins', { hasText: 'Something else' }).waitFor();
  await page.getByText('moved to the trash').waitFor();
  await checkAccess(page, 'baselines');
  await button(page, 'Actions for Approved').press('Enter');
  await page.keyboard.press('Enter'); // Restore this state
  const dialog = page.getByRole('dialog', { name: 'Restore Approved?' });
  await button(dialog, 'Restore this state').click();
  await page.getByText('Approved is restored.').waitFor();
  assert.ok((await user.contents(refunds)).length > 0);

  await button(page, 'Actions for Approved').click();
  await page.getByRole('menuitem', { name: 'Delete baseline' }).click();
  await button(page.getByRole('dialog'), 'Delete baseline').press('Enter');
  await page.getByText('No baselines yet').waitFor();
  assert.deepEqual((await api('GET', `/projects/${project.id}/baselines`)).baselines, []);
  await user.end();
});

test('what is in the trash is restored from there', async () => {
  const { user, api, page: first, project, signIn } = await makeHistory();
  await first.close();
  const page = await user.open('/trash');
  await page.getByText('The trash is empty').waitFor();
  await checkAccess(page, 'empty trash');
  const other = await api('POST', '/projects', { title: 'An old idea' });
  await api('DELETE', `/projects/${other.id}`);
  await api('DELETE', `/specs/${signIn.id}`);
  await page.reload();
  await page.getByText('Specifications of Invoice portal').waitFor();
  await checkAccess(page, 'trash');
  await button(page, 'Restore Sign-in').press('Enter');
  await page.getByText('Sign-in is restored.').waitFor();
  assert.equal((await user.contents(signIn)).length, 3);
  await button(page, 'Restore An old idea').press('Enter');
  await page.getByText('The trash is empty').waitFor();
  const { projects } = await api('GET', '/projects');
  assert.deepEqual(projects.map((p) => p.id).sort(), [other.id, project.id].sort());
  await user.end();
});
