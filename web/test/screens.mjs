// What the tests of account, administration and search add to the harness.
import assert from 'node:assert/strict';
import { User, axe } from './harness.mjs';

/** signIn signs in a user, by default a new one, without an open page. */
export async function signIn(email, options = {}) {
  const user = await User.signUp({ locale: 'en-GB', ...options, ...(email && { email }) });
  await user.page.close();
  return user;
}

/** admin is a user with the role for changes of users: see docs/development.md. */
export const admin = () => signIn('admin@example.com');

export const nameOf = (user) => user.email.split('@')[0];

/** What Chromium logs about a route that a test aborts. */
export const reset = /ERR_CONNECTION_RESET/;

/** accessible fails if axe finds a violation of WCAG 2.2 AA, in any scheme. */
export async function accessible(page) {
  for (const media of [
    { colorScheme: 'light', forcedColors: 'none' },
    { colorScheme: 'dark', forcedColors: 'none' },
    { colorScheme: 'dark', forcedColors: 'active' },
  ]) {
    await page.emulateMedia({ ...media, reducedMotion: 'reduce' });
    await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running'));
    await axe(page, `${page.url()} with ${JSON.stringify(media)}`);
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
}

/** fits fails if the page scrolls sideways at any width from 320 (1280 at 400 %) to 2560. */
export async function fits(page) {
  const before = page.viewportSize();
  for (const width of [320, 360, 640, 1024, 1440, 2560]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `${page.url()} is ${over} px too wide at ${width} px`);
  }
  await page.setViewportSize(before);
}

/** until waits for a condition. */
export async function until(condition, what) {
  for (let n = 0; n < 100; n++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`It never happened: ${what}`);
}
