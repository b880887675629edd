import { send } from './client';
import { exclusive } from './locks';
import { Problem, SignedOut } from './problem';
import type { TokenPair, User } from './types';

/**
 * The access token lives in memory only; the refresh token is in a cookie that scripts
 * cannot read. A refresh token works once, so all tabs take turns, and share the result.
 */
interface Shared {
  token: string;
  user: User;
  session: string;
  expires: number;
}

let current: Shared | undefined;
/** The user of this page, and whether another user has signed in since. */
let owner: string | undefined;
let isForeign = false;
const listeners = new Set<(shared: Shared | undefined) => void>();
const channel = new BroadcastChannel('codegenapp-session');
channel.onmessage = (event: MessageEvent<Shared | null>) => accept(event.data ?? undefined);

function accept(shared: Shared | undefined) {
  current = shared;
  owner ??= shared?.user.id;
  isForeign ||= shared !== undefined && shared.user.id !== owner;
  for (const listener of listeners) listener(shared);
}

/** onSession reports each new token, and undefined when the session is over. */
export function onSession(listener: (shared: Shared | undefined) => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * accessToken returns a token that is valid for a while, and is not the stale one. Once
 * another user has signed in it never returns: this page's edits are not theirs.
 */
export async function accessToken(stale?: string): Promise<string> {
  const token = await freshToken(stale);
  return isForeign ? new Promise<never>(() => {}) : token;
}

async function freshToken(stale?: string): Promise<string> {
  const usable = () => current && current.token !== stale && current.expires - Date.now() > 20_000;
  if (usable()) return (current as Shared).token;
  return exclusive('codegenapp-refresh', async () => {
    if (!usable()) await refresh(); // else another tab did it meanwhile
    return (current as Shared).token;
  });
}

async function refresh() {
  try {
    const { data } = await send<TokenPair>('POST', '/auth/refresh', { body: {} });
    const expires = Date.now() + data.expires_in * 1000;
    announce({ token: data.access_token, user: data.user, session: data.session_id, expires });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    announce(undefined);
    throw new SignedOut('There is no session.', { cause: error });
  }
}

function announce(shared: Shared | undefined) {
  channel.postMessage(shared ?? null);
  accept(shared);
}

/** signOut ends the session, or all sessions of the user. */
export async function signOut(all = false) {
  const token = await accessToken();
  await send('POST', '/auth/logout', { body: all ? { all_sessions: true } : {} }, token);
  leave();
}

/** leave makes all tabs forget a session that is over. */
export function leave() {
  announce(undefined);
}
