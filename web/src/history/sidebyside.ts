import type { State } from '../api/history';
import type { ItemDiff, Segment, SpecificationDiff } from '../api/types';

/** Side is one cell of a comparison. */
export interface Side {
  segments: Segment[];
  /** The place of an item that moved, from 1. */
  place?: number;
}

/** Row has what was and what is; a side is missing where the item was not there. */
export interface Row {
  id: string;
  ref: string;
  change: ItemDiff['change'] | 'same';
  before?: Side;
  after?: Side;
}

/** rowsOf aligns the items of two states: in the present order, removed ones where they were. */
export function rowsOf(before: State, after: State, diff: SpecificationDiff): Row[] {
  const differing = new Map(diff.items.map((item) => [item.item_id, item]));
  const rows = after.items.map((item): Row => rowOf(item, differing.get(item.id)));
  const kept = new Set(rows.map((row) => row.id));
  let anchor = -1; // the row behind which the next removed item belongs
  for (const item of before.items) {
    if (kept.has(item.id)) anchor = rows.findIndex((row) => row.id === item.id);
    else rows.splice(++anchor, 0, removed(item.id, item.ref, item.content));
  }
  return rows;
}

function rowOf(item: State['items'][number], diff?: ItemDiff): Row {
  const { id, ref } = item;
  const text: Segment[] = [{ op: 'equal', text: item.content }];
  if (!diff) return { id, ref, change: 'same', before: { segments: text }, after: { segments: text } };
  if (diff.change === 'added')
    return { id, ref, change: 'added', after: { segments: [{ op: 'insert', text: item.content }] } };
  const before: Side = { segments: diff.segments };
  const after: Side = { segments: diff.segments };
  if (diff.change === 'moved') {
    before.place = (diff.from_order ?? 0) + 1;
    after.place = (diff.to_order ?? 0) + 1;
  }
  return { id, ref, change: diff.change, before, after };
}

const removed = (id: string, ref: string, text: string): Row => ({
  id,
  ref,
  change: 'removed',
  before: { segments: [{ op: 'delete', text }] },
});

/** A block is rows that differ, or a run of rows that are the same. */
export interface Block {
  same: boolean;
  rows: Row[];
}

/** blocksOf puts rows that are the same together, so that many can be folded. */
export function blocksOf(rows: Row[]): Block[] {
  const blocks: Block[] = [];
  for (const row of rows) {
    const same = row.change === 'same';
    const last = blocks.at(-1);
    if (last && last.same === same) last.rows.push(row);
    else blocks.push({ same, rows: [row] });
  }
  return blocks;
}
