import { expect, test } from 'vitest';
import type { State } from '../api/history';
import type { ItemDiff, SpecificationDiff } from '../api/types';
import { blocksOf, rowsOf } from './sidebyside';

const state = (names: string[]) =>
  ({
    items: names.map((name, order) => ({ id: name, ref: `1.${name}`, content: `text of ${name}`, order })),
  }) as unknown as State;
const diff = (items: Partial<ItemDiff>[]) => ({ items }) as unknown as SpecificationDiff;
const names = (before: string[], after: string[], items: Partial<ItemDiff>[] = []) =>
  rowsOf(state(before), state(after), diff(items)).map((row) => `${row.change} ${row.id}`);

test('items that are the same stand in the present order', () => {
  expect(names(['a', 'b'], ['b', 'a'])).toEqual(['same b', 'same a']);
});

test('removed items stand behind the item that was before them', () => {
  expect(names(['x', 'a', 'y', 'z', 'b'], ['a', 'b'])).toEqual([
    'removed x',
    'same a',
    'removed y',
    'removed z',
    'same b',
  ]);
  expect(names(['x', 'y'], [])).toEqual(['removed x', 'removed y']);
});

test('an item that moved has both places, an added one no earlier side', () => {
  const [moved, added] = rowsOf(
    state(['a', 'b']),
    state(['b', 'c']),
    diff([
      { item_id: 'b', change: 'moved', from_order: 1, to_order: 0, segments: [{ op: 'equal', text: 'b' }] },
      { item_id: 'c', change: 'added', from_order: null, to_order: 1 },
    ]),
  ).filter((row) => row.change !== 'removed');
  expect([moved?.before?.place, moved?.after?.place]).toEqual([2, 1]);
  expect(added?.before).toBeUndefined();
  expect(added?.after?.segments).toEqual([{ op: 'insert', text: 'text of c' }]);
});

test('runs of rows that are the same are blocks', () => {
  const rows = rowsOf(state(['a', 'b', 'x', 'c']), state(['a', 'b', 'c']), diff([]));
  expect(blocksOf(rows).map((b) => [b.same, b.rows.length])).toEqual([
    [true, 2],
    [false, 1],
    [true, 1],
  ]);
});
