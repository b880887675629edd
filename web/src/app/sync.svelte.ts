import type { Aside } from '../store/ops';
import { Outbox } from '../store/outbox';
import { Storage } from '../store/storage';
import type { Hooks } from '../store/sync';
import { textsOf, type SpecStore } from '../store/spec';
import { pause } from '../store/timing';

export type SaveState = 'saved' | 'saving' | 'offline' | 'busy' | 'signed-out' | 'conflict';

/** Stranded is what waits on this device for the user, of one store. */
export interface Stranded {
  store: SpecStore;
  /** The title of the specification or project, if it is known. */
  title: string;
  /** Texts that cannot be sent, because what they belong to is gone. */
  unsent: string[];
  /** Texts that were put aside. */
  asides: { aside: Aside; text: string }[];
}

/**
 * SyncState is what the page says about saving: one state for all specifications, and how
 * many changes the server does not have yet.
 */
class SyncState {
  state = $state<SaveState>('saved');
  unsaved = $state(0);
  isStored = $state(true);
  outbox = $state.raw<Outbox>();
  stranded = $state.raw<Stranded[]>([]);

  /** start opens the outbox of a user. */
  async start(user: string) {
    // Some browsers that store nothing never answer.
    const storage = await Promise.race([Storage.open(), pause(3000)]).catch(() => undefined);
    this.outbox = await Outbox.start(user, storage ?? undefined, () => this.read());
    this.read();
    addEventListener('online', () => this.outbox?.wake());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.outbox?.wake();
    });
    setInterval(() => void this.outbox?.adopt().catch(() => {}), 20_000); // it tries again
    addEventListener('beforeunload', (event) => {
      if (this.unsaved > 0 && !this.isStored) event.preventDefault();
    });
  }

  private read() {
    const stores = this.outbox?.stores ?? [];
    const trouble = stores.find((store) => store.trouble)?.trouble;
    this.isStored = this.outbox?.isStored ?? true;
    this.unsaved = stores.reduce((sum, store) => sum + store.queue.unsaved, 0);
    this.stranded = stores.map(strandedOf).filter(({ unsent, asides }) => unsent.length + asides.length > 0);
    if (trouble) this.state = trouble;
    else if (this.unsaved === 0) this.state = 'saved';
    else this.state = stores.some((store) => store.running || store.isHeld) ? 'saving' : 'conflict';
  }

  view(spec: string, project: string, viewer: Partial<Hooks>): SpecStore {
    if (!this.outbox) throw new Error('The outbox is not open.');
    return this.outbox.view(spec, project, viewer);
  }
}

function strandedOf(store: SpecStore): Stranded {
  const { base, gone, queue } = store;
  const asides = queue.asides.map((aside) => ({ aside, text: textsOf(aside.value).join('\n\n') }));
  return { store, title: base?.title ?? '', unsent: gone ? store.texts : [], asides: gone ? [] : asides };
}

export const sync = new SyncState();
