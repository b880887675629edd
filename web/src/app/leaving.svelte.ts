import { deleteMe } from '../api/account';
import { signOut } from '../api/token';
import { t } from '../i18n';
import { notices } from './notices.svelte';
import { session } from './session.svelte';
import { forgetEdits, unsentEdits } from './unsent';
import { reported } from './workspace.svelte';

/** Leaving is the sign-out. It asks first if edits of the user would be lost. */
class Leaving {
  /** The number of unsent edits that the user is asked about; 0 for no question. */
  unsent = $state(0);
  busy = $state(false);

  /** ask signs out, or asks. */
  async ask() {
    const unsent = await unsentEdits();
    if (unsent > 0) this.unsent = unsent;
    else await this.confirm();
  }

  stay() {
    this.unsent = 0;
  }

  /** confirm signs out, and deletes unsent edits from this device. */
  async confirm() {
    if (await this.end(() => signOut())) notices.show(t.signedOut);
  }

  /** deleteAccount deletes the account, and what this device has of it. */
  async deleteAccount(): Promise<boolean> {
    const deleted = await this.end(deleteMe);
    if (deleted) notices.show(t.accountDeleted);
    return deleted;
  }

  private async end(task: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    const ended = await reported(task);
    this.busy = false;
    if (!ended) return false;
    this.unsent = 0;
    session.left();
    await forgetEdits();
    return true;
  }
}

export const leaving = new Leaving();
