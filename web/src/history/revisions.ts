import type { Actor, Change } from '../api/types';

/** Revision is what one request changed. */
export interface Revision {
  revision: number;
  at: string;
  actor: Actor;
  changes: Change[];
}

/** revisionsOf groups changes by revision, in their order. */
export function revisionsOf(changes: Change[]): Revision[] {
  const all: Revision[] = [];
  for (const change of changes) {
    const last = all.at(-1);
    if (last?.revision === change.revision) last.changes.push(change);
    else all.push({ revision: change.revision, at: change.at, actor: change.actor, changes: [change] });
  }
  return all;
}

/** versionOf is the version of the specification that the revision made. */
export const versionOf = (revision: Revision, specification: string) =>
  revision.changes.find((c) => c.specification_id === specification)?.specification_version ?? undefined;

/** complete splits changes where the last revision begins, which may go on in the next page. */
export function complete(changes: Change[], isLastPage: boolean): { whole: Change[]; rest: Change[] } {
  if (isLastPage) return { whole: changes, rest: [] };
  const last = changes.at(-1)?.revision;
  const begin = changes.findIndex((c) => c.revision === last);
  return begin < 0 ? { whole: changes, rest: [] } : { whole: changes.slice(0, begin), rest: changes.slice(begin) };
}

/** conflictingRevisions reads the numbers in the detail of undo_conflict. */
export function conflictingRevisions(detail: string): { revisions: number[]; more: boolean } {
  const revisions = [...detail.matchAll(/\br([1-9]\d*)\b/g)].map((match) => Number(match[1]));
  return { revisions, more: /\b\d+ more\b/.test(detail) };
}

/** groupBy groups values by a key, in the order of the first of each group. */
export function groupBy<T, K>(values: Iterable<T>, key: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}
