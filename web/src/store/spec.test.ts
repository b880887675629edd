import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ModelServer } from './testing/model';
import { Page } from './testing/page';
import type { Op } from './ops';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const contents = (server: ModelServer) => server.items.map((i) => i.content);
const wait = (ms = 60_000) => vi.advanceTimersByTimeAsync(ms);

async function open(...items: string[]) {
  const server = new ModelServer();
  items.forEach((text, n) => server.create(text, n, `seed${n}`));
  const page = new Page(server);
  void page.store.run();
  await wait(1000);
  return { server, page };
}

test('typing, adding and moving arrive in order', async () => {
  const { server, page } = await open();
  let last: string | null = null;
  for (let n = 0; n < 10; n++) {
    page.add(`new-${n}`, `text ${n}`, last);
    last = `new-${n}`;
    await wait(50);
  }
  for (let n = 0; n < 3; n++) page.store.move('new-0', `new-${n + 1}`);
  await wait();
  expect(contents(server)).toEqual([1, 2, 3, 0, 4, 5, 6, 7, 8, 9].map((n) => `text ${n}`));
  expect(page.shown).toEqual(contents(server));
  expect(page.store.isSaved).toBe(true);
});

test('a text that is typed is few requests', async () => {
  const { server, page } = await open('a');
  for (const text of ['ab', 'abc', 'abcd', 'abcde']) {
    page.type('i1', text);
    await wait(100);
  }
  await wait();
  expect(contents(server)).toEqual(['abcde']);
  expect(server.items[0]?.version).toBe(2);
});

test('a creation whose answer was lost happens once, and later typing follows it', async () => {
  const { server, page } = await open();
  page.faults = ['lost-answer'];
  page.add('new-a', 'first', null);
  page.store.settle();
  await wait(100);
  page.type('new-a', 'first, and more');
  await wait();
  expect(contents(server)).toEqual(['first, and more']);
});

test('an edit whose answer was lost is no conflict with itself', async () => {
  const { server, page } = await open('a');
  page.faults = ['lost-answer'];
  page.type('i1', 'b');
  page.store.settle();
  await wait(100);
  page.type('i1', 'c');
  expect(page.conflicts).toEqual([]);
  await wait();
  expect(page.conflicts).toEqual([]);
  expect(contents(server)).toEqual(['c']);
});

test('edits survive a reload between request and answer', async () => {
  const { server, page } = await open('a');
  page.faults = ['none', 'lost-answer', 'lost-request', 'lost-request'];
  page.add('new-a', 'new', 'i1');
  page.type('i1', 'changed');
  page.store.settle();
  await wait(130);
  const next = new Page(server, page.leave());
  await wait();
  expect(contents(server)).toEqual(['changed', 'new']);
  expect(next.store.isSaved).toBe(true);
});

test('a text that both changed is shown twice, and either can stay', async () => {
  const { server, page } = await open('a', 'b');
  page.faults = ['lost-request'];
  page.type('i1', 'mine');
  page.type('i2', 'mine too');
  page.store.settle();
  server.edit('i1', 'theirs');
  server.edit('i2', 'theirs too');
  await wait();
  expect(page.shown).toEqual(['mine', 'mine too']);
  expect(page.conflicts).toEqual([{ theirs: { content: 'theirs' } }, { theirs: { content: 'theirs too' } }]);
  const [one, two] = page.store.queue.ops as [Op, Op];
  page.store.keepMine(one);
  page.store.takeTheirs(two);
  await wait();
  expect(contents(server)).toEqual(['mine', 'theirs too']);
  expect(page.shown).toEqual(contents(server));
});

test('an item that was deleted while it was edited can come back', async () => {
  const { server, page } = await open('a', 'b');
  page.type('i1', 'mine');
  server.delete('i1');
  await wait();
  expect(page.conflicts).toEqual([{ theirs: null }]);
  page.store.keepMine(page.store.queue.ops[0] as Op);
  await wait();
  expect(contents(server)).toEqual(['mine', 'b']);
});

test('a deletion does not take a text that another user has just written', async () => {
  const { server, page } = await open('a');
  page.store.delete('i1');
  server.edit('i1', 'theirs');
  await wait();
  expect(contents(server)).toEqual(['theirs']);
  expect(page.shown).toEqual(['theirs']);
  expect(page.reports).toEqual(['deletion-dropped']);
});

test('what others do comes by events, and own events cause no request', async () => {
  const { server, page } = await open('a');
  page.type('i1', 'b');
  await wait();
  const load = vi.spyOn(server, 'load');
  page.store.heard(server.version);
  await wait();
  expect(load).not.toHaveBeenCalled();
  server.edit('i1', 'theirs');
  page.store.heard(server.version);
  await wait(100);
  expect(page.shown).toEqual(['theirs']);
});

test('undo takes back what was not sent here, and the rest at the server; redo does it again', async () => {
  const { server, page } = await open('a');
  page.type('i1', 'b');
  page.store.undo();
  await wait();
  expect(contents(server)).toEqual(['a']);
  page.type('i1', 'c');
  await wait();
  page.store.undo();
  await wait();
  expect(contents(server)).toEqual(['a']);
  page.store.redo();
  await wait();
  expect(contents(server)).toEqual(['c']);
  page.store.undo();
  page.store.undo();
  await wait();
  expect(contents(server)).toEqual(['a']);
  expect(page.reports).toEqual(['nothing-to-undo']);
});

test('a rejected text stays, says why, and is sent once it is changed', async () => {
  const { server, page } = await open('a');
  page.type('i1', '   ');
  await wait();
  expect(contents(server)).toEqual(['a']);
  expect(page.shown).toEqual(['   ']);
  page.type('i1', 'b');
  await wait();
  expect(contents(server)).toEqual(['b']);
});

test('what a closed tab has left does not replace what is typed here', async () => {
  const { server, page } = await open('a');
  const closed = new Page(server);
  void closed.store.run();
  await wait(1000);
  closed.faults = page.faults = Array.from({ length: 40 }, () => 'lost-request' as const);
  closed.type('i1', 'a of the closed tab');
  page.type('i1', 'a from here');
  await wait(10);
  page.store.adopt(structuredClone(closed.leave()));
  page.type('i1', 'a from here, and more');
  page.faults = [];
  await wait();
  expect(contents(server)).toEqual(['a of the closed tab']);
  expect(page.shown).toEqual(['a from here, and more']);
  expect(page.conflicts).toEqual([{ theirs: { content: 'a of the closed tab' } }]);
});

test('undo of a deletion brings back a text that was not sent', async () => {
  const { server, page } = await open('a');
  page.faults = Array.from({ length: 40 }, () => 'lost-request' as const);
  page.add('new-b', 'first', 'i1');
  page.add('new-c', 'second', 'new-b');
  page.type('i1', 'a, longer');
  for (const [ref, rest] of [
    ['new-c', ['a, longer', 'first']],
    ['i1', ['first', 'second']],
  ] as const) {
    page.store.delete(ref);
    expect(page.shown).toEqual(rest);
    page.store.undo();
    expect(page.shown).toEqual(['a, longer', 'first', 'second']);
  }
  page.faults = [];
  await wait();
  expect(contents(server)).toEqual(['a, longer', 'first', 'second']);
});

test('redo brings back what undo took before it was sent', async () => {
  const { server, page } = await open('a');
  page.faults = Array.from({ length: 40 }, () => 'lost-request' as const);
  page.add('new-b', 'first', 'i1');
  page.type('i1', 'a, longer');
  page.store.undo();
  page.store.undo();
  expect(page.shown).toEqual(['a']);
  page.store.redo();
  page.store.redo();
  expect(page.shown).toEqual(['a, longer', 'first']);
  page.faults = [];
  await wait();
  expect(contents(server)).toEqual(['a, longer', 'first']);
});

test('an event is heard whenever it comes, also while a round ends', async () => {
  for (let ticks = 0; ticks < 40; ticks++) {
    const { server, page } = await open('a', 'b');
    void page.store.run(); // finds nothing to do, and ends after some microtasks
    for (let n = 0; n < ticks; n++) await Promise.resolve();
    server.edit('i2', 'changed elsewhere');
    page.store.heard(server.version);
    await wait(1000);
    expect(page.shown, `after ${ticks} microtasks`).toEqual(['a', 'changed elsewhere']);
  }
});
