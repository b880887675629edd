import { Outbox } from '../store/outbox';
import { Storage } from '../store/storage';
import type { Hooks } from '../store/sync';
import type { SpecStore } from '../store/spec';

export type SaveState = 'saved' | 'saving' | 'offline' | 'busy' | 'signed-out' | 'conflict';

/**
 * SyncState is what the page says about saving: one state for all specifications, and how
 * many changes the server does not have yet.
 */
class SyncState {
  state = $state<SaveState>('saved');
  unsaved = $state(0);
  isStored = $state(true);
  outbox = $state.raw<Outbox>();
  /** Stores with texts that cannot be sent, because their specification is gone. */
  stranded = $state.raw<SpecStore[]>([]);

  /** start opens the outbox of a user. */
  async start(user: string) {
    const storage = await Storage.open().catch(() => undefined);
    this.outbox = await Outbox.start(user, storage, () => this.read());
    this.read();
    addEventListener('online', () => this.outbox?.wake());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.outbox?.wake();
    });
    setInterval(() => void this.outbox?.adopt(), 20_000);
    addEventListener('beforeunload', (event) => {
      if (this.unsaved > 0 && !this.isStored) event.preventDefault();
    });
  }

  private read() {
    const stores = this.outbox?.stores ?? [];
    const trouble = stores.find((store) => store.trouble)?.trouble;
    this.isStored = this.outbox?.isStored ?? true;
    this.unsaved = stores.reduce((sum, store) => sum + store.queue.unsaved, 0);
    this.stranded = stores.filter((store) => store.gone && store.texts.length > 0);
    if (trouble) this.state = trouble;
    else if (this.unsaved === 0) this.state = 'saved';
    else this.state = stores.some((store) => store.running || store.isHeld) ? 'saving' : 'conflict';
  }

  view(spec: string, project: string, viewer: Partial<Hooks>): SpecStore {
    if (!this.outbox) throw new Error('The outbox is not open.');
    return this.outbox.view(spec, project, viewer);
  }
}

export const sync = new SyncState();
