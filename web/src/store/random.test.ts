import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Op } from './ops';
import { conflictOf } from './rebase';
import { ModelServer, type Fault } from './testing/model';
import { Page } from './testing/page';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** random returns reproducible numbers from 0 to below 1. */
function random(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** History is one page, and another user of the same server, in random order. */
class History {
  readonly server = new ModelServer();
  /** The texts that the user has typed last, and has not given up. */
  readonly typed = new Set<string>();
  page: Page;
  private readonly next: () => number;
  private faulty = true;
  private count = 0;

  constructor(seed: number) {
    this.next = random(seed);
    for (let n = 0; n < 3; n++) this.server.create(`seed ${n}`, n, `seed ${n}`);
    this.page = this.open([]);
  }

  private below = (n: number) => Math.floor(this.next() * n);
  private pick = <T>(list: readonly T[]): T | undefined => list[this.below(list.length)];
  private text = () => `text ${++this.count}`;

  private open(saved: Op[]): Page {
    const page = new Page(this.server, saved);
    const faults: Fault[] = ['none', 'none', 'none', 'lost-request', 'lost-answer', 'rate-limited', 'unavailable'];
    page.fault = () => (this.faulty && this.pick(faults)) || 'none';
    page.delay = () => this.below(this.faulty ? 150 : 10);
    void page.store.run();
    return page;
  }

  /** The user does something. */
  act() {
    const { page } = this;
    const entry = this.pick(page.entries);
    const what = this.below(10);
    if (what < 3 || !entry) {
      const text = this.text();
      page.add(`new-${this.count}`, text, entry?.ref ?? null);
      this.typed.add(text);
    } else if (what < 7) {
      const text = this.text();
      this.typed.delete(entry.content);
      page.type(entry.ref, text);
      this.typed.add(text);
    } else if (what < 9) {
      const after = this.pick(page.entries)?.ref ?? null;
      if (after !== entry.ref) page.store.move(entry.ref, after);
    } else {
      this.typed.delete(entry.content);
      page.store.delete(entry.ref);
    }
    if (this.below(4) === 0) page.store.settle();
  }

  /** Another user does something; the event of it comes, or is lost with the stream. */
  interfere() {
    const item = this.pick(this.server.items);
    const what = this.below(4);
    if (what === 0 || !item) this.server.create(this.text(), this.below(this.server.items.length + 1), this.text());
    else if (what === 1) this.server.edit(item.id, this.text());
    else if (what === 2) this.server.move(item.id, this.below(this.server.items.length));
    else this.server.delete(item.id);
    if (this.below(5) > 0) this.page.store.heard(this.server.version);
  }

  /** The page is loaded again. A request that is under way may still arrive. */
  reload() {
    this.page = this.open(this.page.leave());
  }

  resolve() {
    const { base, queue } = this.page.store;
    const op = base && queue.ops.find((o) => conflictOf(o, base, queue));
    if (!op || op.kind !== 'edit') return;
    if (this.below(2) === 0) {
      this.page.store.keepMine(op);
      return;
    }
    this.page.store.takeTheirs(op);
  }

  async step() {
    const what = this.below(20);
    if (what < 10) this.act();
    else if (what < 14) this.interfere();
    else if (what < 15) this.reload();
    else if (what < 17) this.resolve();
    await vi.advanceTimersByTimeAsync(this.below(400));
  }

  /** The network is good again, and the user decides what is in conflict. */
  async end() {
    this.faulty = false;
    for (let n = 0; n < 40; n++) {
      await vi.advanceTimersByTimeAsync(40_000);
      this.page.store.heard(null);
      await vi.advanceTimersByTimeAsync(40_000);
      if (this.page.store.isSaved) return;
      this.resolve();
    }
  }
}

test.each(Array.from({ length: 400 }, (_, seed) => [seed]))('history %i ends equal on both sides', async (seed) => {
  vi.spyOn(Math, 'random').mockImplementation(random(seed + 1)); // of the backoff
  const history = new History(seed);
  await vi.advanceTimersByTimeAsync(200);
  for (let n = 0; n < 60; n++) await history.step();
  await history.end();
  const { page, server } = history;
  const { asides } = page.store.queue;
  expect(page.store.queue.ops).toEqual(asides);
  expect(page.shown).toEqual(server.items.map((item) => item.content));
  const kept = new Set([...server.texts, ...asides.map(({ value }) => value.content)]);
  expect([...history.typed].filter((text) => !kept.has(text))).toEqual([]);
});
