// A project with some history, and what the tests of the history share.
import assert from 'node:assert/strict';
import { User, axe } from './harness.mjs';

/** makeHistory signs a user up, and gives it a project of eight revisions. */
export async function makeHistory(options) {
  const user = await User.signUp({ reducedMotion: 'reduce', ...options });
  const api = (...request) => user.api(...request);
  const project = await api('POST', '/projects', { title: 'Invoice portal', description: 'See invoices.' });
  const specification = (content, items) =>
    api('POST', `/projects/${project.id}/specs`, {
      content,
      items: items.map((text) => ({ content: text })),
    });
  const signIn = await specification('# Sign-in', [
    'A wrong password takes as long as a right one.',
    'After five failures the account waits.',
    'A session ends after thirty days.',
    'The page names the last sign-in.',
  ]);
  const refunds = await specification('# Refunds', ['Above 500, two people approve.']);
  const [a, , c, d] = signIn.items;
  const [refund] = refunds.items;
  const change = (item, content) => api('PATCH', `/items/${item.id}`, { content });

  await api('PATCH', `/items/${c.id}`, { order: 0 }); // r4
  await change(refund, 'Above 1,000, two people approve.'); // r5
  await change(refund, 'Above 2,000, two people approve.'); // r6
  await api('DELETE', `/items/${d.id}`); // r7
  await change(a, 'A wrong password takes exactly as long as a right one.'); // r8
  return { user, api, page: user.page, path: `/p/${project.id}`, project, signIn, refunds, a, d };
}

/** checkAccess fails on a violation in either scheme, and on a page that is too wide. */
export async function checkAccess(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await axe(page, `${name}, ${colorScheme}`);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
}

export const button = (place, name) => place.getByRole('button', { name, exact: true });

/** Rows of the history of a project, by revision. */
export const row = (page, revision) => page.locator('li', { has: page.locator(`[aria-label^="r${revision}:"]`) });
export const toggle = (page, revision) => row(page, revision).locator('[data-toggle]');
