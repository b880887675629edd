import type { Item } from '../api/types';
import { fits, type Limits } from './limits';
import { orderOf, fold, isBlank, type Base, type Op, type Request, type Texts } from './ops';
import type { Queue } from './queue';

/** Conflict is what the server has in place of the text that an operation began from. */
export interface Conflict {
  /** Null if the item was deleted. */
  theirs: Texts | null;
}

const find = (base: Base, id: string): Item | undefined => base.items.find((item) => item.id === id);

/** conflictOf compares an operation with the state of the server. */
export function conflictOf(op: Op, base: Base, queue: Queue): Conflict | undefined {
  if (op.kind === 'edit') {
    const item = find(base, op.ref);
    const coming = queue.ops.some((o) => (o.kind === 'create' || o.kind === 'revive') && o.ref === op.ref);
    if (!item) return coming ? undefined : { theirs: null };
    const same = item.version === op.version || item.content === op.was || item.content === op.content;
    return same ? undefined : { theirs: { content: item.content } };
  }
  if (op.kind === 'text') {
    const fields = Object.keys(op.value) as (keyof Texts)[];
    const differs = (f: keyof Texts) => base[f] !== op.was[f] && base[f] !== op.value[f];
    return fields.some(differs) ? { theirs: { title: base.title, content: base.content } } : undefined;
  }
  return undefined;
}

/**
 * needsSending adjusts an operation to the present state of the server. It returns false
 * if nothing is left to do, because it is already so or because its item is gone.
 */
export function needsSending(op: Op, base: Base, queue: Queue): boolean {
  const item = 'ref' in op ? find(base, op.ref) : undefined;
  switch (op.kind) {
    case 'edit':
      if (!item) return queue.ops.some((o) => o.kind === 'revive' && o.ref === op.ref);
      op.version = item.version;
      op.was = item.content;
      return item.content !== op.content;
    case 'delete': // what another user has changed meanwhile stays
      op.version ||= item?.version ?? 0;
      return item?.version === op.version;
    case 'move':
      return item !== undefined && orderNow(op, base, queue) !== base.items.indexOf(item);
    case 'revive':
      return item === undefined;
    case 'text':
      op.was = { title: base.title, content: base.content };
      return (Object.keys(op.value) as (keyof Texts)[]).some((f) => base[f] !== op.value[f]);
    default:
      return true;
  }
}

/** orderNow is the position that a creation or a move asks for. */
export function orderNow(op: Op & { ref: string }, base: Base, queue: Queue): number {
  const entries = fold(base.items, queue.ops.slice(0, queue.ops.indexOf(op) + 1));
  return orderOf(op.ref, entries, base.items);
}

/** isSendable reports whether an operation has all that a request needs. */
export function isSendable(op: Op, base: Base, queue: Queue, limits: Limits): op is Request {
  if (op.kind === 'aside' || op.failure || !queue.isKnown(op)) return false;
  return isAcceptable(op, limits) && conflictOf(op, base, queue) === undefined;
}

/** isAcceptable reports whether the server takes the texts of an operation. */
function isAcceptable(op: Request, limits: Limits): boolean {
  const fields = op.kind === 'text' ? (Object.keys(op.value) as (keyof Texts)[]) : [];
  const texts = fields.map((field) => [op.kind === 'text' ? op.value[field] : '', limits[field]] as const);
  if (op.kind === 'create' || op.kind === 'edit') texts.push([op.content, limits.item]);
  return texts.every(([text = '', limit]) => fits(text, limit) && (limit.optional || !isBlank(text)));
}

/**
 * followUndo lets what was typed before the result of an own undo build on it. Otherwise
 * the user would be in conflict with their own undo.
 */
export function followUndo(queue: Queue, before: Base, after: Base) {
  for (const op of [...queue.ops]) {
    if (op.kind === 'edit' && op.version === find(before, op.ref)?.version) {
      const item = find(after, op.ref);
      if (item) Object.assign(op, { was: item.content, version: item.version });
      else queue.ops.unshift({ kind: 'revive', ref: op.ref });
    }
    if (op.kind !== 'text') continue;
    for (const field of Object.keys(op.was) as (keyof Texts)[])
      if (op.was[field] === before[field]) op.was[field] = after[field];
  }
}

/** confirm returns the base after a write that the server has confirmed. */
export function confirm(base: Base, op: Op, item: Item | undefined): Base {
  const others = base.items.filter((i) => !('ref' in op) || (i.id !== op.ref && i.id !== item?.id));
  switch (op.kind) {
    case 'create':
    case 'move':
      if (!item) return base;
      return { ...base, items: [...others.slice(0, item.order), item, ...others.slice(item.order)] };
    case 'edit':
      return item ? { ...base, items: base.items.map((i) => (i.id === item.id ? item : i)) } : base;
    case 'delete':
      return { ...base, items: others };
    case 'text':
      return { ...base, ...op.value };
    default:
      return base;
  }
}
