import { prefix } from '../api/prefix';
import { SignedOut } from '../api/problem';
import { accessToken, onSession } from '../api/token';
import type { User } from '../api/types';

type State = 'starting' | 'in' | 'expired' | 'out' | 'unreachable';

/**
 * Session is what the page knows about its user. An expired session keeps its user, so
 * that the page stays and its edits wait.
 */
class Session {
  state = $state<State>('starting');
  user = $state.raw<User>();
  id = $state('');
  /** True while the user signs out: the end of the session is no surprise then. */
  leaving = false;

  constructor() {
    onSession((shared) => {
      if (!shared) {
        this.state = this.user && !this.leaving ? 'expired' : 'out';
        return;
      }
      if (this.user && this.user.id !== shared.user.id) {
        location.reload(); // another user's page
        return;
      }
      this.user = shared.user;
      this.id = shared.session;
      this.state = 'in';
    });
  }

  /** start finds out whether the browser has a session. */
  async start() {
    try {
      await accessToken();
    } catch (error) {
      if (this.state !== 'expired') this.state = error instanceof SignedOut ? 'out' : 'unreachable';
    }
  }
}

export const session = new Session();

/** signInURL is where the sign-in with Google begins; it ends at the path. */
export function signInURL(path: string): string {
  return `${prefix}/api/v1/auth/google?return_to=${encodeURIComponent(path)}`;
}
