import { listUsers, type ManagedUser } from '../api/account';
import type { User } from '../api/types';

/** Directory remembers the names of users, because audit events have only their ids. */
class Directory {
  private names = $state.raw<ReadonlyMap<string, string>>(new Map());
  private loaded = false;

  note(users: readonly (User | ManagedUser)[]) {
    const news = users.filter((user) => this.names.get(user.id) !== user.name);
    if (news.length > 0) this.names = new Map([...this.names, ...news.map((u) => [u.id, u.name] as const)]);
  }

  nameOf(id: string): string | undefined {
    return this.names.get(id);
  }

  /** load reads the newest users once. Events of others show their id. */
  async load(signal: AbortSignal) {
    if (this.loaded) return;
    try {
      this.note((await listUsers({ q: '' }, '', signal)).rows);
      this.loaded = true;
    } catch {
      // Ids are shown in place of names.
    }
  }
}

export const directory = new Directory();
