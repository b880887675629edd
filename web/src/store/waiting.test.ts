// What waits for the user, or for a time that the server has named.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ModelServer } from './testing/model';
import { Page } from './testing/page';
import type { Aside, Op } from './ops';

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

async function reload(page: Page, server: ModelServer) {
  const next = new Page(server, page.leave());
  await wait();
  return next;
}

test('a text that was put aside survives reloads, and comes back on request', async () => {
  const { server, page } = await open('a');
  page.type('i1', 'mine');
  server.edit('i1', 'theirs');
  await wait();
  page.store.takeTheirs(page.store.queue.ops[0] as Op);
  await wait();
  expect(contents(server)).toEqual(['theirs']);
  expect(page.store.isSaved).toBe(true);
  const next = await reload(await reload(page, server), server);
  expect(next.store.queue.asides).toEqual([{ kind: 'aside', item: 'i1', value: { content: 'mine' } }]);
  next.store.takeUp(next.store.queue.asides[0] as Aside);
  await wait();
  expect(contents(server)).toEqual(['mine']);
  expect(next.saved).toEqual([]);
});

test('a text that was put aside is a new item if its item is gone; a discarded one is gone', async () => {
  const { server, page } = await open('a', 'b');
  for (const [id, text] of [['i1', 'mine'] as const, ['i2', 'mine too'] as const]) {
    page.type(id, text);
    server.delete(id);
    await wait();
    page.store.takeTheirs(page.store.queue.ops.find((op) => op.kind === 'edit') as Op);
    await wait();
  }
  const [two, one] = page.store.queue.asides as [Aside, Aside];
  page.store.discard(two);
  page.store.takeUp(one);
  await wait();
  expect(contents(server)).toEqual(['mine']);
  expect(page.saved).toEqual([]);
});

test('only the field in conflict is put aside, and what replaces an unsent text keeps that', async () => {
  const { server, page } = await open('a');
  page.store.text({ title: 'My title', content: 'My content' });
  server.text({ content: 'Their content' });
  await wait();
  page.store.takeTheirs(page.store.queue.ops[0] as Op);
  await wait();
  expect([server.title, server.content]).toEqual(['My title', 'Their content']);
  expect(page.store.queue.asides).toEqual([{ kind: 'aside', item: null, value: { content: 'My content' } }]);
  page.type('i1', 'first');
  server.edit('i1', 'theirs');
  await wait();
  page.store.takeTheirs(page.store.queue.ops.find((op) => op.kind === 'edit') as Op);
  page.type('i1', 'unsent');
  page.store.takeUp(page.store.queue.asides.find((aside) => aside.value.content === 'first') as Aside);
  await wait();
  expect(contents(server)).toEqual(['first']);
  expect(page.store.queue.asides.map(({ value }) => value.content)).toEqual(['unsent', 'My content']);
});

test('undo and redo leave alone what was put aside', async () => {
  const { server, page } = await open('a');
  page.type('i1', 'mine');
  server.edit('i1', 'theirs');
  await wait();
  page.store.takeTheirs(page.store.queue.ops[0] as Op);
  page.store.undo();
  page.store.redo();
  page.store.delete('i1');
  await wait();
  expect(page.store.queue.ops.map((op) => op.kind)).toEqual(['aside']);
});

test('typing before the result of an own undo is no conflict with oneself', async () => {
  for (const ms of [0, 10, 25, 50, 70, 90, 200]) {
    const { server, page } = await open('a', 'b');
    page.type('i1', 'a changed');
    await wait();
    page.store.undo();
    await wait(ms);
    page.type('i1', `${page.shown[0]} and more`);
    page.store.text({ content: `${page.store.base?.content}, longer` });
    const typed = page.shown[0];
    await wait(50);
    expect(page.conflicts, `after ${ms} ms`).toEqual([]);
    await wait();
    expect(page.conflicts, `after ${ms} ms`).toEqual([]);
    expect(contents(server)).toEqual([typed, 'b']);
    expect(server.content).toBe('Content, longer');
  }
});

test('typing in a row whose creation is being taken back keeps the row', async () => {
  const { server, page } = await open('a');
  page.add('new-b', 'b', 'i1');
  await wait();
  page.store.undo();
  await wait(10);
  page.type('new-b', 'b and more');
  await wait();
  expect(page.conflicts).toEqual([]);
  expect(contents(server)).toEqual(['a', 'b and more']);
});

test('a change of another user behind an own undo is a conflict all the same', async () => {
  const { server, page } = await open('a');
  page.type('i1', 'b');
  await wait();
  page.store.undo();
  await wait(30); // the undo is at the server
  server.edit('i1', 'theirs');
  page.type('i1', 'b and more');
  await wait();
  expect(page.conflicts).toEqual([{ theirs: { content: 'theirs' } }]);
});

test('a text that is too long, or has a character that cannot be stored, is not sent until it fits', async () => {
  const { server, page } = await open('a', 'b');
  const edit = vi.spyOn(server, 'edit');
  const text = vi.spyOn(server, 'text');
  page.type('i1', 'x'.repeat(10_001));
  page.type('i2', 'half \ud800');
  page.store.text({ title: 'x'.repeat(201) });
  await wait();
  expect(edit).not.toHaveBeenCalled();
  expect(text).not.toHaveBeenCalled();
  const next = await reload(page, server);
  expect(next.shown).toEqual(['x'.repeat(10_001), 'half \ud800']);
  expect(next.store.texts).toContain('x'.repeat(201));
  next.type('i1', 'x'.repeat(10_000));
  next.type('i2', 'whole');
  next.store.text({ title: 'x'.repeat(200) });
  await wait();
  expect(contents(server)).toEqual(['x'.repeat(10_000), 'whole']);
  expect(server.title).toBe('x'.repeat(200));
});

test('nothing is sent before the time that the server has named', async () => {
  const { server, page } = await open('a');
  page.retryAfter = 20_000;
  page.faults = ['rate-limited'];
  const requests = vi.spyOn(page, 'fault');
  page.type('i1', 'b');
  page.store.settle();
  await wait(100);
  expect(requests).toHaveBeenCalledTimes(1);
  for (let n = 0; n < 18; n++) {
    page.add(`new-${n}`, `line ${n}`, n ? `new-${n - 1}` : 'i1');
    page.store.settle();
    page.store.wake();
    page.store.heard(null);
    await wait(1000);
  }
  expect(requests).toHaveBeenCalledTimes(1);
  await wait();
  expect(contents(server)).toEqual(['b', ...Array.from({ length: 18 }, (_, n) => `line ${n}`)]);
});

test('a text that was typed over one that another user has just replaced is a conflict', async () => {
  const { server, page } = await open('a');
  server.text({ title: 'Their title', content: 'Their content' });
  page.store.heard(server.version);
  await wait();
  page.store.text({ content: 'Content, longer' }, { content: 'Content' });
  await wait();
  expect(page.conflicts).toEqual([{ theirs: { title: 'Their title', content: 'Their content' } }]);
});
