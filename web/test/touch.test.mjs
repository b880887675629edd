import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, row } from './harness.mjs';

const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

/** fingerOf is a finger on a page, which the browser's protocol moves. */
async function fingerOf(page) {
  const session = await page.context().newCDPSession(page);
  const send = (type, ...touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints });
  let at;
  return {
    down: (x, y) => send('touchStart', (at = { x, y })),
    up: () => send('touchEnd'),
    cancel: () => send('touchCancel'),
    async to(y, steps = 10) {
      const from = at.y;
      for (let n = 1; n <= steps; n++) {
        await send('touchMove', (at = { x: at.x, y: from + ((y - from) * n) / steps }));
        await page.waitForTimeout(16);
      }
    },
  };
}

const scrolled = (page) => page.evaluate(() => Math.round(scrollY));
const middle = async (place) => {
  const box = await place.boundingBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

async function opened(count) {
  const ann = await User.signUp(phone);
  const contents = Array.from({ length: count }, (_, n) => `Requirement ${n}, of the portal`);
  const { spec, path } = await ann.specification(...contents);
  const page = await ann.open(path);
  await row(page, 'Requirement 0,').waitFor();
  return { ann, page, spec, contents, finger: await fingerOf(page) };
}

const gripOf = (page, n) => row(page, `Requirement ${n},`).locator('.grip');

test('a finger drags an item by its grip', async () => {
  const { ann, page, spec, contents, finger } = await opened(4);
  await finger.down(...(await middle(gripOf(page, 0))));
  await finger.to((await middle(row(page, 'Requirement 2,')))[1] + 12);
  await page.locator('[role=grid] .line').waitFor();
  await finger.up();
  const [first, ...rest] = contents;
  const want = [rest[0], rest[1], first, rest[2]];
  await eventually(() => ann.contents(spec), want);

  // What the system takes away from the page moves nothing.
  await finger.down(...(await middle(gripOf(page, 3))));
  await finger.to(200);
  await finger.cancel();
  await page.locator('[role=grid] .line').waitFor({ state: 'detached' });
  // A tap on the grip is no drag, and one on the text edits.
  await page.touchscreen.tap(...(await middle(gripOf(page, 1))));
  assert.equal(await page.locator('[role=row] textarea').count(), 0);
  await page.touchscreen.tap(...(await middle(row(page, 'Requirement 1,').locator('.body'))));
  await page.locator('[role=row] textarea').waitFor();
  assert.deepEqual(await ann.contents(spec), want);
  await ann.end();
});

test('a drag scrolls at both edges of the window', async () => {
  const { ann, page, spec, contents, finger } = await opened(60);
  await finger.down(...(await middle(gripOf(page, 2))));
  await finger.to(620);
  await eventually(async () => (await scrolled(page)) > 900, true);
  await finger.to(320);
  await page.waitForTimeout(100);
  const at = await scrolled(page);
  await page.waitForTimeout(200);
  assert.equal(await scrolled(page), at, 'the middle of the window does not scroll');
  await finger.up();
  await eventually(async () => (await ann.contents(spec)).indexOf(contents[2]) > 15, true);
  const down = (await ann.contents(spec)).indexOf(contents[2]);

  // The row was dropped below the finger. It goes back up, below the bar.
  await finger.down(...(await middle(gripOf(page, 2))));
  await finger.to(66);
  await eventually(async () => (await scrolled(page)) < 200, true);
  await finger.up();
  await eventually(async () => (await ann.contents(spec)).indexOf(contents[2]) < down - 10, true);
  await ann.end();
});

test('a finger on a text scrolls the page, and moves nothing', async () => {
  const { ann, page, spec, contents, finger } = await opened(60);
  await finger.down(...(await middle(row(page, 'Requirement 3,').locator('.body'))));
  await finger.to(60, 20);
  await finger.up();
  await eventually(async () => (await scrolled(page)) > 100, true);
  assert.equal(await page.locator('[role=row] textarea').count(), 0);
  assert.deepEqual(await ann.contents(spec), contents);
  await ann.end();
});
