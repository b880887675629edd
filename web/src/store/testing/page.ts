import { fold, type Op } from '../ops';
import { conflictOf } from '../rebase';
import { SpecStore } from '../spec';
import { modelRemote, type Fault, type ModelServer } from './model';

/** A page with one specification. What it saves survives it. */
export class Page {
  saved: Op[] = [];
  reports: string[] = [];
  faults: Fault[] = [];
  fault = (): Fault => this.faults.shift() ?? 'none';
  delay = () => 20;
  /** What the server names after too many requests, in milliseconds. */
  retryAfter = 1000;
  store: SpecStore;
  private gone = false;

  constructor(
    readonly server: ModelServer,
    saved: Op[] = [],
  ) {
    const remote = modelRemote(
      server,
      () => (this.gone ? 'page-gone' : this.fault()),
      () => this.delay(),
      () => this.retryAfter,
    );
    this.store = new SpecStore(remote, {
      changed: () => {},
      save: async (ops) => {
        if (!this.gone) this.saved = structuredClone(ops);
      },
      report: (what) => this.reports.push(what),
    });
    if (saved.length) this.store.adopt(structuredClone(saved));
  }

  /** leave ends the page. What it has sent may still arrive. */
  leave(): Op[] {
    this.gone = true;
    this.store.close();
    return this.saved;
  }

  add(ref: string, content: string, after: string | null) {
    this.store.create(ref, '', after, `token-${ref}`);
    this.store.edit(ref, content, { content: '', version: 0 });
  }

  /** type replaces the text of a row as the page shows it. */
  type(ref: string, content: string) {
    const entry = this.entries.find((e) => e.ref === this.store.id(ref));
    this.store.edit(ref, content, { content: entry?.content ?? '', version: entry?.item?.version ?? 0 });
  }

  get entries() {
    return fold(this.store.base?.items ?? [], this.store.queue.ops);
  }

  get shown() {
    return this.entries.map((e) => e.content);
  }

  get conflicts() {
    const { base, queue } = this.store;
    return base ? queue.ops.flatMap((op) => conflictOf(op, base, queue) ?? []) : [];
  }
}
