import type { Op } from './ops';

/** SavedQueue is what one page has not sent yet of one specification. */
export interface SavedQueue {
  user: string;
  /** The page that has the operations; see Outbox. */
  page: string;
  /** The specification; the id of the project for the texts of the project itself. */
  spec: string;
  project: string;
  ops: Op[];
}

const name = 'codegenapp';
const table = 'queues';

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** committed waits until a transaction is stored. One without space fails only then. */
function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('The transaction was aborted.'));
  });
}

/** Storage keeps queues in IndexedDB, so that they survive a reload and a closed tab. */
export class Storage {
  private constructor(private readonly database: IDBDatabase) {}

  static async open(): Promise<Storage> {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(table, { keyPath: ['user', 'page', 'spec'] });
    return new Storage(await done(opening));
  }

  private table(mode: IDBTransactionMode) {
    return this.database.transaction(table, mode).objectStore(table);
  }

  /**
   * put stores a queue in place of the earlier one; an empty one is removed. The commit is
   * sent at once: a page that closes before the answer has stored it all the same.
   */
  async put(queue: SavedQueue) {
    const { user, page, spec } = queue;
    const to = this.table('readwrite');
    if (queue.ops.length > 0) to.put(queue);
    else to.delete([user, page, spec]);
    to.transaction.commit();
    await committed(to.transaction);
  }

  async remove({ user, page, spec }: SavedQueue) {
    await done(this.table('readwrite').delete([user, page, spec]));
  }

  async of(user: string): Promise<SavedQueue[]> {
    return done(this.table('readonly').getAll(IDBKeyRange.bound([user], [user, []])));
  }

  /** clear forgets what a user has not sent. */
  async clear(user: string) {
    for (const queue of await this.of(user)) await this.remove(queue);
  }
}
