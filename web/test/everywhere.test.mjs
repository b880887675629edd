// Every screen and every state of it, with long titles and words: texts fit, controls are
// large enough to be touched, and screen readers get names, headings and landmarks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { each, makeWorld } from './everywhere.mjs';
import { targetFaults, textFaults, treeFaults } from './faults.mjs';
import { User, base, eventually } from './harness.mjs';

// 320 px is a window of 1280 px at 400 %, 640 px one at 200 %.
const widths = [2560, 1440, 640, 360, 320];

const tolerate = [/^404 /];

test('every screen fits in English, and has a tree of names', async () => {
  const world = await makeWorld();
  const page = await world.user.open('/', { tolerate });
  await each(page, world, widths, async (width) => [
    ...(await textFaults(page)),
    ...(await targetFaults(page)),
    ...(width === 1440 || width === 360 ? await treeFaults(page) : []),
  ]);
  await world.user.end();
});

test('every screen fits in German, at twice the size and with forced colours', async () => {
  const world = await makeWorld();
  const storageState = await world.user.context.storageState();
  await world.user.context.close();
  const options = {
    locale: 'de-DE',
    deviceScaleFactor: 2,
    reducedMotion: 'reduce',
    forcedColors: 'active',
    storageState,
  };
  const german = new User(await world.user.context.browser().newContext(options));
  const page = await german.open('/', { tolerate });
  await each(page, world, widths, async () => [...(await textFaults(page)), ...(await targetFaults(page))]);
  await german.end();
});

test('the sign-in page, the drawer and the page for missing paths are no exceptions', async () => {
  const ann = await User.signUp({ reducedMotion: 'reduce' });
  const { path } = await ann.specification('One');
  const other = new User(await ann.context.browser().newContext({ locale: 'de-DE', reducedMotion: 'reduce' }));
  for (const [user, at] of [
    [other, '/'],
    [other, '/nothing/of/the/kind'],
    [ann, '/nothing/of/the/kind'],
    [ann, path],
  ]) {
    const page = await user.open(at, { signedOut: true, tolerate });
    await page.locator('h1').waitFor({ state: 'attached' });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 740 });
      if (at === path && width <= 640) await page.getByRole('button', { name: 'Navigation' }).press('Enter');
      const faults = [...(await textFaults(page)), ...(await targetFaults(page)), ...(await treeFaults(page))];
      assert.deepEqual(faults, [], `${at} at ${width} px`);
      if (at === path && width <= 640) await page.keyboard.press('Escape');
    }
  }
  await other.end();
  await ann.end();
});

test('moves are said, and so is saving after a failure, but not each saving', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One', 'Two');
  const page = await ann.open(path, { tolerate: [/ERR_INTERNET_DISCONNECTED/, /^error: .*ERR_/] });
  const said = () => page.locator('[role=status]').allInnerTexts();
  const hears = (text) => eventually(async () => (await said()).some((one) => one.includes(text)), true);
  await page.getByRole('row', { name: '1.1 One' }).focus();
  await page.keyboard.press('Alt+ArrowDown');
  await hears('Moved to place 2 of 2.');
  await page.locator('nav .state.saved').waitFor();
  assert.ok(!(await said()).includes('Saved'));
  await ann.context.setOffline(true);
  await page.keyboard.press('Alt+ArrowUp');
  await hears('Offline: 1 change kept on this device');
  await ann.context.setOffline(false);
  await hears('Saved');
  await page.goto(base);
  await ann.end();
});
