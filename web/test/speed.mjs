import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row } from './harness.mjs';

/** longFrames counts what takes longer than 50 ms from here on. */
async function longFrames(page) {
  await page.evaluate(() => {
    globalThis.long = [];
    new PerformanceObserver((list) =>
      globalThis.long.push(...list.getEntries().map((e) => Math.round(e.duration))),
    ).observe({ type: 'longtask' });
  });
  return () => page.evaluate(() => globalThis.long);
}

test('a specification of 500 items scrolls and types without a long frame', async () => {
  const ann = await User.signUp();
  const items = Array.from({ length: 499 }, (_, n) => `Requirement ${n + 1} says **what** must be true, in \`words\`.`);
  const { spec, path } = await ann.specification(...items.slice(0, 100));
  for (let n = 100; n < 499; n++) await ann.api('POST', `/specs/${spec.id}/items`, { content: items[n] });
  const page = await ann.open(path);
  await row(page, 'Requirement 499 ').waitFor({ state: 'attached' });
  await page.waitForTimeout(1000);
  const read = await longFrames(page);
  await page.mouse.move(700, 500);
  for (let n = 0; n < 60; n++) {
    await page.mouse.wheel(0, 300);
    await page.waitForTimeout(16);
  }
  // The row is found without the locators of the test, which take long frames themselves.
  const at = await page.evaluate(() => {
    const element = document.querySelectorAll('[role=row]')[250];
    element.scrollIntoView({ block: 'center' });
    const box = element.querySelector('.body').getBoundingClientRect();
    return { x: box.left + 40, y: box.top + 16 };
  });
  await page.mouse.click(at.x, at.y);
  await page.keyboard.press('End');
  await page.keyboard.type(' Typed quickly, and with care for every letter.', { delay: 30 });
  await page.keyboard.press('Enter');
  await page.keyboard.type('A limit is a limit', { delay: 30 });
  await page.keyboard.press('Escape');
  await eventually(() => ann.contents(spec).then((all) => all.length), 500);
  const long = await read();
  assert.deepEqual(long, []);
  await ann.end();
});

test('the first screen is usable in less than 300 ms', async () => {
  const ann = await User.signUp();
  const { path } = await ann.specification('One', 'Two');
  const page = await ann.open(path);
  await row(page, 'Two').waitFor();
  const times = [];
  for (let n = 0; n < 5; n++) {
    await page.reload();
    await row(page, 'Two').waitFor();
    times.push(await page.evaluate(() => Math.round(performance.now())));
  }
  times.sort((a, b) => a - b);
  assert.ok(times[1] < 300, `the page was usable after ${times.join(', ')} ms`);
  await ann.end();
});
