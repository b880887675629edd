import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, axe, base, row } from './harness.mjs';

/** noOverflow fails if a screen is wider than its window. */
async function noOverflow(page, what) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${what}: ${wide} px wide in a window of ${window}`);
}

const settings = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: 'dark, narrow', colorScheme: 'dark', viewport: { width: 360, height: 740 } },
  {
    name: 'forced colours, zoomed',
    forcedColors: 'active',
    reducedMotion: 'reduce',
    viewport: { width: 720, height: 450 },
  },
];

for (const { name, ...options } of settings) {
  test(`all screens have no violation: ${name}`, async () => {
    const ann = await User.signUp(options);
    const { page } = ann;
    const check = async (what) => {
      await page.waitForTimeout(300); // the end of transitions
      await axe(page, `${what}, ${name}`);
      await noOverflow(page, `${what}, ${name}`);
    };
    await check('no projects');
    const { project, path } = await ann.specification(
      'One',
      'Two with `code` and a [link](https://example.com)',
      'x'.repeat(300),
    );
    await page.goto(`${base}/`);
    await page
      .locator('main')
      .getByRole('link', { name: /Invoice portal/ })
      .waitFor();
    await check('projects');
    await page.goto(`${base}/p/${project.id}`);
    await page
      .locator('main')
      .getByRole('link', { name: /Refunds/ })
      .waitFor();
    await check('project');
    await page.goto(base + path);
    await row(page, 'Two').waitFor();
    await check('specification');
    await row(page, 'One').click();
    await check('editing');
    await page.keyboard.press('Escape');
    await row(page, 'Two')
      .getByRole('button', { name: /Actions/ })
      .click({ force: true });
    await check('menu');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('refunds');
    await page.getByRole('option').first().waitFor();
    await check('palette');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await check('keys');
    await page.keyboard.press('Escape');
    await page.goto(`${base}/p/${project.id}/99`);
    await page.getByRole('heading', { name: 'There is no such specification' }).waitFor();
    await check('not found');
    await ann.end();
  });
}

test('German texts fit at 360 px', async () => {
  const ann = await User.signUp({ viewport: { width: 360, height: 740 } });
  const { path } = await ann.specification(
    'Eins',
    'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz'.repeat(3),
  );
  const german = await new User(
    await ann.context.browser().newContext({ locale: 'de-DE', viewport: { width: 360, height: 740 } }),
    ann.email,
  );
  const page = await german.open('/', { signedOut: true });
  await page.getByRole('link', { name: 'Mit Google anmelden' }).waitFor();
  await noOverflow(page, 'Anmeldung');
  await page.getByRole('link', { name: 'Mit Google anmelden' }).click();
  await page.getByRole('textbox').fill(ann.email);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Projekte', exact: true }).first().waitFor();
  await noOverflow(page, 'Projekte');
  await page.goto(base + path);
  await row(page, 'Eins').waitFor();
  await noOverflow(page, 'Spezifikation');
  await german.end();
  await ann.end();
});
