import { deleteMe } from '../api/account';
import { signOut } from '../api/token';
import { router } from './router.svelte';
import { session } from './session.svelte';
import { sync } from './sync.svelte';
import { reported } from './workspace.svelte';

/** SignOut ends the session. It asks first if the server does not have everything. */
class SignOut {
  asking = $state(false);
  /** How many changes the server does not have, of all windows. */
  unsent = $state(0);

  async begin() {
    for (const store of sync.outbox?.stores ?? []) store.settle();
    for (let n = 0; n < 20 && sync.state === 'saving'; n++) await new Promise((done) => setTimeout(done, 100));
    this.unsent = (sync.outbox?.kept ?? 0) + ((await sync.outbox?.unsentElsewhere()) ?? 0);
    if (this.unsent > 0) this.asking = true;
    else await this.finish();
  }

  /** finish signs out, and forgets on this device what was not sent. */
  async finish() {
    this.asking = false;
    await this.end(() => signOut(), '/');
  }

  /** deleteAccount deletes the account without a question, and what this device has of it. */
  async deleteAccount() {
    await this.end(deleteMe, '/?deleted');
  }

  private async end(task: () => Promise<void>, path: string) {
    if (session.leaving) return;
    await reported(async () => {
      session.leaving = true;
      await task();
      await sync.outbox?.discard();
      router.go(path);
      location.reload(); // nothing of the user stays in memory
    });
    session.leaving = false;
  }
}

export const leaving = new SignOut();
