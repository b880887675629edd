import type { Item, Specification } from '../api/types';

/** A ref names an item: the id of the server, or a local name until there is one. */
export type Ref = string;

interface Common {
  /** Why the server rejected the operation for good; it waits for the user. */
  failure?: string;
  /** It was sent, and may have arrived: it does not change until that is known. */
  tried?: boolean;
}

/** Creates an item behind another one; at the top if after is null. */
export interface Create extends Common {
  kind: 'create';
  ref: Ref;
  content: string;
  after: Ref | null;
  /** The idempotency key, made when the row appeared. */
  token: string;
  /** The body of the first attempt. A retry with the same key must send the same. */
  sent?: { content: string; order: number };
}

/** Replaces the text of an item. The user saw the text was, of a version. */
export interface Edit extends Common {
  kind: 'edit';
  ref: Ref;
  content: string;
  was: string;
  version: number;
}

export interface Move extends Common {
  kind: 'move';
  ref: Ref;
  after: Ref | null;
}

export interface Delete extends Common {
  kind: 'delete';
  ref: Ref;
  version: number;
}

/** Brings back an item that was deleted while it was edited here. */
export interface Revive extends Common {
  kind: 'revive';
  ref: Ref;
}

/** The fields of a specification that are texts. */
export interface Texts {
  title?: string;
  content?: string;
}

/** Replaces texts of the specification itself. */
export interface Text extends Common {
  kind: 'text';
  value: Texts;
  was: Texts;
}

/** Takes back what made a version of the specification. */
export interface Undo extends Common {
  kind: 'undo';
  version: number;
  redo: boolean;
}

/** A text that gave way to the server's. It is never sent, and waits for the user. */
export interface Aside extends Common {
  kind: 'aside';
  /** The item; null for texts of the specification itself. */
  item: string | null;
  value: Texts;
}

/** Request is an operation that the server gets. */
export type Request = Create | Edit | Move | Delete | Revive | Text | Undo;
export type Op = Request | Aside;

/** Base is a specification as the server has it. */
export interface Base extends Omit<Specification, 'items' | 'item_count'> {
  items: readonly Item[];
}

/** Entry is an item with the operations applied that are not confirmed yet. */
export interface Entry {
  ref: Ref;
  content: string;
  item?: Item;
}

export const isLocal = (ref: Ref) => ref.startsWith('new-');

/** isBlank is the server's rule: such a text cannot be an item. */
export const isBlank = (text: string) => text.trim() === '';

/** fold applies operations to the items of the server. */
export function fold(items: readonly Item[], ops: readonly Op[]): Entry[] {
  const entries: Entry[] = items.map((item) => ({ ref: item.id, content: item.content, item }));
  const find = (ref: Ref) => entries.findIndex((entry) => entry.ref === ref);
  for (const op of ops) {
    if (op.kind === 'create') {
      if (find(op.ref) < 0) insert(entries, { ref: op.ref, content: op.content }, op.after);
      continue;
    }
    if (!('ref' in op)) continue;
    const at = find(op.ref);
    const entry = entries[at];
    if (!entry) continue;
    if (op.kind === 'edit') entries[at] = { ...entry, content: op.content };
    if (op.kind === 'delete') entries.splice(at, 1);
    if (op.kind === 'move' && (op.after === null || find(op.after) >= 0)) {
      entries.splice(at, 1);
      insert(entries, entry, op.after);
    }
  }
  return entries;
}

/** insert puts an entry behind another one. If that is gone, it goes to the end. */
function insert(entries: Entry[], entry: Entry, after: Ref | null) {
  const at = after === null ? 0 : entries.findIndex((e) => e.ref === after) + 1;
  if (after !== null && at === 0) entries.push(entry);
  else entries.splice(at, 0, entry);
}

/**
 * orderOf is the position to ask the server for, so that the item comes behind the
 * nearest one before it that the server has. The entries show the wanted order.
 */
export function orderOf(ref: Ref, entries: readonly Entry[], items: readonly Item[]): number {
  const others = items.filter((item) => item.id !== ref);
  const at = entries.findIndex((entry) => entry.ref === ref);
  for (let n = at - 1; n >= 0; n--) {
    const order = others.findIndex((item) => item.id === entries[n]?.ref);
    if (order >= 0) return order + 1;
  }
  return 0;
}
