// Makes the pictures of the documents anew, in both schemes: npm run pictures.
//
// They show a project that this script writes, in the built program. So a picture never
// shows what the product does not do.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { User, row, saved } from './harness.mjs';

const target = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/images/workspace');
const viewport = { width: 1120, height: 700 };

const project = {
  title: 'Invoice portal',
  description: 'Customers see, pay and dispute their invoices. Clerks approve refunds.',
};
const specifications = [
  {
    title: 'Refunds',
    content: 'A customer gets the money back, and **two people** look at what is expensive.',
    items: [
      'Refunds are paid within a day.',
      'The customer gets an e-mail with the amount and the date.',
      'The clerk sees who approved a refund, and when.',
      'Above 500 €, two people approve.',
      'A refund that the bank rejects goes back to `open`.',
    ],
  },
  {
    title: 'Reminders',
    content: 'Nobody pays late because they forgot.',
    items: ['The first reminder is sent three days before an invoice is due.', 'A customer can turn reminders off.'],
  },
  {
    title: 'Sign-in',
    content: 'Customers sign in without a password.',
    items: ['A link by e-mail signs in once, for 15 minutes.', 'A session ends after 30 days.'],
  },
];

/** write creates the project, and changes it, so that it has a history. */
async function write(user) {
  const created = await user.api('POST', '/projects', project);
  const specs = [];
  for (const { items, ...spec } of specifications) {
    const body = { ...spec, items: items.map((content) => ({ content })) };
    specs.push(await user.api('POST', `/projects/${created.id}/specs`, body));
  }
  const { items } = await user.api('GET', `/specs/${specs[0].id}/items`);
  await user.api('PATCH', `/items/${items[0].id}`, { content: 'Refunds are paid within two days.' });
  await user.api('PATCH', `/items/${items[3].id}`, { order: 0 });
  return `/p/${created.id}`;
}

/** shoot saves what the window shows, without a caret that blinks. */
const shoot = (page, name, scheme) =>
  page.screenshot({
    path: path.join(target, `${name}-${scheme}.png`),
    caret: 'hide',
    animations: 'disabled',
  });

const emails = { light: 'ann@example.org', dark: 'ann@example.net' };

for (const [colorScheme, email] of Object.entries(emails)) {
  test(`the pictures in ${colorScheme}`, async () => {
    await mkdir(target, { recursive: true });
    const ann = await User.signUp({ viewport, colorScheme, email });
    const at = await write(ann);
    const page = await ann.open('/');
    await page.getByText(project.description).first().waitFor();
    await shoot(page, 'projects', colorScheme);

    await page.goto(page.url().replace(/\/$/, '') + at);
    await page.getByRole('heading', { name: project.title }).waitFor();
    await page.getByText('Sign-in').first().waitFor();
    await shoot(page, 'project', colorScheme);

    await page.goto(new URL(`${at}/1`, page.url()).href);
    await row(page, 'The customer gets').click();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.keyboard.type('The e-mail says who to ask, in the *language* of the customer.');
    await shoot(page, 'specification', colorScheme);
    await page.keyboard.press('Escape');
    await saved(page);

    await page.keyboard.press('Control+k');
    await page.keyboard.type('refund');
    await page.locator('mark').first().waitFor();
    await shoot(page, 'search', colorScheme);
    await page.keyboard.press('Escape');

    await page.goto(new URL(`${at}/history`, page.url()).href);
    await page.getByRole('button', { name: 'r5:' }).click();
    await page.locator('ins').first().waitFor();
    await shoot(page, 'history', colorScheme);
    await ann.end();
  });
}
