import { authorized, call, respond, send } from './client';
import type { components } from './contract';
import { Problem } from './problem';
import { leave } from './token';
import type { Session, User } from './types';

export type ManagedUser = components['schemas']['ManagedUser'];
export type AuditEvent = components['schemas']['AuditEvent'];
export type Role = User['role'];
export type UserChange = components['schemas']['ManagedUserPatch'];

/** A part of a list, and the token of the next part; that is empty at the end. */
export interface Page<T> {
  rows: T[];
  next: string;
}

export const getMe = async () => (await call<User>('GET', '/users/me')).data;
export const renameMe = async (name: string) => (await call<User>('PATCH', '/users/me', { body: { name } })).data;

/** deleteMe deletes the account. It does not ask. */
export async function deleteMe() {
  await call('DELETE', '/users/me');
  await send('POST', '/auth/logout', { body: {} }).catch(() => undefined); // removes the cookie
  leave();
}

export const listSessions = async () => (await call<{ sessions: Session[] }>('GET', '/auth/sessions')).data.sessions;
export const endSession = (id: string) => call('DELETE', `/auth/sessions/${id}`);

/** openExport begins the export; its body is read by the caller. */
export const openExport = (history: boolean, signal: AbortSignal): Promise<Response> =>
  authorized((token) => respond('GET', `/users/me/export?history=${history}`, { signal }, token));

export async function listUsers(query: { q: string }, next: string, signal: AbortSignal) {
  const { data } = await read<{ users: ManagedUser[] }>('/admin/users', query, next, signal);
  return { rows: data.users, next: data.next_page_token };
}
export const changeUser = async (id: string, body: UserChange) =>
  (await call<ManagedUser>('PATCH', `/admin/users/${id}`, { body })).data;

export type EventQuery = Record<'action' | 'actor_id' | 'since' | 'until', string>;

export async function listEvents(query: EventQuery, next: string, signal: AbortSignal) {
  const { data } = await read<{ audit_events: AuditEvent[] }>('/admin/audit-events', query, next, signal);
  return { rows: data.audit_events, next: data.next_page_token };
}

/** read reads one page of a list. Empty parameters are left out. */
function read<T>(path: string, query: Record<string, string>, next: string, signal: AbortSignal) {
  const all = Object.entries({ ...query, page_token: next }).filter(([, value]) => value);
  const url = all.length ? `${path}?${new URLSearchParams(all)}` : path;
  return call<T & { next_page_token: string }>('GET', url, { signal });
}

/** isForbidden reports whether the role of the user does not allow a request. */
export const isForbidden = (error: unknown) => error instanceof Problem && error.code === 'permission_denied';
