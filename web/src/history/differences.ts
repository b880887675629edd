import * as api from '../api/history';
import { Problem } from '../api/problem';
import type { SpecificationChange, SpecificationDiff } from '../api/types';

/** Difference is what differs in one specification, and which removed items can come back. */
export interface Difference {
  diff: SpecificationDiff;
  missing: Set<string>;
}

/** differenceOf reads what differs in a specification between two states of its project. */
export async function differenceOf(change: SpecificationChange, from: string, to?: string): Promise<Difference> {
  const id = change.specification_id;
  if (change.change === 'added') return { diff: asNew(await api.specificationAt(id, to)), missing: new Set() };
  if (change.change === 'removed') return { diff: nothing, missing: new Set() };
  const diff = await api.specificationDiff(id, from, to);
  return { diff, missing: await missingItems(id, diff) };
}

/** missingItems are the removed items that are still not there. */
async function missingItems(specification: string, diff: SpecificationDiff): Promise<Set<string>> {
  const removed = diff.items.filter((item) => item.change === 'removed').map((item) => item.item_id);
  if (removed.length === 0) return new Set();
  try {
    const present = new Set((await api.specificationAt(specification)).items.map((item) => item.id));
    return new Set(removed.filter((id) => !present.has(id)));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return new Set(); // it is in the trash
    throw error;
  }
}

const nothing: SpecificationDiff = { from: 0, to: 0, title: null, content: null, items: [] };

/** asNew shows a whole state as added. */
function asNew(state: api.State): SpecificationDiff {
  const inserted = (text: string) => [{ op: 'insert' as const, text }];
  return {
    ...nothing,
    to: state.version,
    content: { segments: inserted(state.content) },
    items: state.items.map((item) => ({
      item_id: item.id,
      ref: item.ref,
      change: 'added',
      from_order: null,
      to_order: item.order,
      segments: inserted(item.content),
    })),
  };
}

/** isExpired reports whether a state cannot be read any more. */
export const isExpired = (error: unknown) => error instanceof Problem && error.code === 'history_expired';

const places = new Map<string, Promise<number | undefined>>();

/** placeOf reads to which place, from 1, a revision moved an item. Revisions never change. */
export function placeOf(specification: string, item: string, revision: number): Promise<number | undefined> {
  const key = `${item} ${revision}`;
  let place = places.get(key);
  if (!place) {
    place = readPlace(specification, item, revision);
    places.set(key, place);
  }
  return place;
}

/** Without an answer the sentence does without the place. */
async function readPlace(specification: string, item: string, revision: number) {
  try {
    const diff = await api.specificationDiff(specification, `r${revision - 1}`, `r${revision}`);
    const order = diff.items.find((i) => i.item_id === item)?.to_order;
    return order === null || order === undefined ? undefined : order + 1;
  } catch {
    return undefined;
  }
}
