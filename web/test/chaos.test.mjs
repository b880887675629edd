import assert from 'node:assert/strict';
import { test } from 'node:test';
import { User, eventually, saved } from './harness.mjs';

const seconds = process.env['TEST_LONG'] ? 60 : 15;

/** interfere changes a specification at random until the time is over. It returns its texts. */
async function interfere(ann, spec, until) {
  const texts = [];
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const text = () => texts[texts.push(`theirs ${texts.length}`) - 1];
  while (Date.now() < until) {
    const { items } = await ann.api('GET', `/specs/${spec.id}/items`);
    const item = pick(items);
    const what = Math.random();
    if (what < 0.5 || items.length < 4)
      await ann.api('POST', `/specs/${spec.id}/items`, {
        content: text(),
        order: Math.floor(Math.random() * items.length),
      });
    else if (what < 0.75)
      await ann.api('PATCH', `/items/${item.id}`, { order: Math.floor(Math.random() * items.length) });
    else if (item.content.startsWith('theirs')) {
      const tag = `"${item.version}"`;
      await ann
        .api('PATCH', `/items/${item.id}`, { content: `${item.content} ${text()}` }, { 'If-Match': tag })
        .catch(() => texts.pop());
    }
    await new Promise((done) => setTimeout(done, 100 + Math.random() * 200));
  }
  return texts;
}

test(`for ${seconds} s another client changes everything at random, and neither loses a character`, async () => {
  const ann = await User.signUp();
  const { spec, path } = await ann.specification('One', 'Two', 'Three', 'Four');
  const page = await ann.open(path, { tolerate: [/^412 /] });
  await page.getByRole('button', { name: 'New item' }).click();
  const until = Date.now() + seconds * 1000;
  const other = interfere(ann, spec, until);
  const mine = [];
  while (Date.now() < until) {
    const line = `mine ${mine.push('')} written with some care`;
    await page.keyboard.type(line, { delay: 20 });
    mine[mine.length - 1] = line;
    if (mine.length % 5 === 0) await page.keyboard.press('Alt+ArrowUp');
    if (mine.length % 3 === 0) {
      await page.keyboard.press('Escape');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('n');
    } else await page.keyboard.press('Enter');
  }
  await page.keyboard.press('Escape');
  const theirs = await other;
  await saved(page);
  const all = (await ann.contents(spec)).join('\n');
  assert.deepEqual(
    [...mine, ...theirs].filter((text) => !all.includes(text)),
    [],
  );
  await eventually(() => page.locator('[role=row] .markdown').allTextContents(), await ann.contents(spec));
  await ann.end();
});
