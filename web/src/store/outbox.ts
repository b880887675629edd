import { exclusive, newID } from '../api/locks';
import type { Op } from './ops';
import { answerAs, answeringPages } from './pages';
import { httpRemote, projectRemote } from './remote';
import { SpecStore } from './spec';
import type { SavedQueue, Storage } from './storage';
import type { Hooks } from './sync';

interface Open {
  store: SpecStore;
  viewers: Set<Partial<Hooks>>;
}

/**
 * Outbox has the stores of all specifications that are shown or have something to send.
 * Each page has an outbox, and stores its queues under a name of its own. A page that is
 * gone leaves its queues to the next one that looks.
 */
export class Outbox {
  private readonly page = newID();
  private readonly open = new Map<string, Open>();
  private closed = false;
  /** False if the browser does not store anything: what is not sent is lost with the page. */
  isStored = true;

  private constructor(
    private readonly user: string,
    private storage: Storage | undefined,
    private readonly changed: () => void,
  ) {}

  /** start adopts what earlier pages of the user have left. */
  static async start(user: string, storage: Storage | undefined, changed: () => void): Promise<Outbox> {
    const outbox = new Outbox(user, storage, changed);
    outbox.live();
    await outbox.adopt().catch(() => (outbox.storage = undefined)); // what cannot be read is no storage
    outbox.isStored = outbox.storage !== undefined;
    return outbox;
  }

  /** live holds a lock as long as this page exists. */
  private live() {
    if ('locks' in navigator) void navigator.locks.request(lockOf(this.page), () => new Promise(() => {}));
    else answerAs(this.page);
  }

  /** adopt takes over the queues of pages that are gone. */
  async adopt() {
    const { storage } = this;
    if (!storage || this.closed) return;
    const orphans = await exclusive('codegenapp-adopt', async () => {
      const living = await livingPages();
      const found = (await storage.of(this.user)).filter(
        (queue) => !living.has(queue.page) && queue.page !== this.page,
      );
      for (const queue of found) {
        const mine = this.open.get(queue.spec)?.store.queue.saved() ?? [];
        await storage.put({ ...queue, page: this.page, ops: [...queue.ops, ...mine] });
        await storage.remove(queue);
      }
      return found;
    });
    for (const queue of orphans) this.get(queue.spec, queue.project).store.adopt(queue.ops);
  }

  /** view returns the store of a specification, or of a project under its own id. */
  view(spec: string, project: string, viewer: Partial<Hooks>): SpecStore {
    const { store, viewers } = this.get(spec, project);
    viewers.add(viewer);
    store.wake();
    return store;
  }

  /** leave ends a view. The store goes on while it has something to send. */
  leave(spec: string, viewer: Partial<Hooks>) {
    const open = this.open.get(spec);
    open?.viewers.delete(viewer);
    open?.store.settle();
    this.tidy();
  }

  private get(spec: string, project: string): Open {
    const known = this.open.get(spec);
    if (known) return known;
    const viewers = new Set<Partial<Hooks>>();
    let stored = false;
    const save = async (ops: Op[]) => {
      if (this.closed || (!stored && ops.length === 0)) return;
      stored = ops.length > 0;
      // A plain copy: what is stored must not change while it is on its way.
      const queue = { user: this.user, page: this.page, spec, project, ops: structuredClone(ops) };
      const put = this.storage?.put(queue).then(
        () => true,
        () => false,
      );
      const isStored = (await put) ?? false;
      if (isStored === this.isStored || ops.length === 0) return;
      this.isStored = isStored;
      this.changed();
    };
    const hooks: Hooks = {
      save,
      changed: () => {
        for (const viewer of viewers) viewer.changed?.();
        this.changed();
      },
      report: (what, error) => {
        for (const viewer of viewers) viewer.report?.(what, error);
      },
    };
    const open: Open = {
      store: new SpecStore(spec === project ? projectRemote(spec) : httpRemote(spec), hooks),
      viewers,
    };
    this.open.set(spec, open);
    return open;
  }

  private tidy() {
    for (const [spec, { store, viewers }] of this.open) {
      if (viewers.size > 0 || store.queue.saved().length > 0 || store.running) continue;
      store.close();
      this.open.delete(spec);
    }
  }

  get stores(): SpecStore[] {
    return [...this.open.values()].map((open) => open.store);
  }

  /** kept counts what only this device has. */
  get kept(): number {
    return this.stores.reduce((sum, store) => sum + store.queue.saved().length, 0);
  }

  /** unsentElsewhere counts what other pages of the user have stored, and not sent. */
  async unsentElsewhere(): Promise<number> {
    const stored = (await this.storage?.of(this.user).catch(() => [])) ?? [];
    return stored.filter((queue) => queue.page !== this.page).reduce((sum, queue) => sum + queue.ops.length, 0);
  }

  /** forget drops what was not sent of a specification that is gone. */
  forget(store: SpecStore) {
    store.queue.ops = [];
    store.adopt([]);
    this.tidy();
    this.changed();
  }

  /** wake tries again at once. */
  wake() {
    this.tidy();
    for (const store of this.stores) store.wake();
  }

  /** discard ends the outbox, and forgets what was not sent. */
  async discard() {
    this.closed = true;
    for (const store of this.stores) store.close();
    this.open.clear();
    await this.storage?.clear(this.user);
  }
}

const lockOf = (page: string) => `codegenapp-page-${page}`;

async function livingPages(): Promise<Set<string>> {
  if (!('locks' in navigator)) return answeringPages();
  const { held } = await navigator.locks.query();
  const prefix = lockOf('');
  return new Set((held ?? []).flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
}

export type { SavedQueue };
