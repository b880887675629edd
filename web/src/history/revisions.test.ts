import { expect, test } from 'vitest';
import type { Change } from '../api/types';
import { complete, conflictingRevisions, revisionsOf } from './revisions';
import { sentenceOf, type Find } from './sentence';
import { plainText } from '../i18n/words';

const change = (revision: number, kind: Change['kind'], more: Partial<Change> = {}): Change => ({
  revision,
  kind,
  at: '2026-11-30T12:00:00.000000Z',
  actor: { id: 'ann', name: 'Ann', type: 'user', token: null },
  specification_id: 'refunds',
  specification_version: 1,
  item_id: null,
  item_version: null,
  ref: null,
  ...more,
});
const item = (revision: number, kind: Change['kind'], ref: string, specification_id = 'refunds') =>
  change(revision, kind, { item_id: `item-${ref.split('.')[1]}`, ref, specification_id });

const find: Find = (id) =>
  id === 'refunds'
    ? { number: 1, title: 'Refunds', path: '/p/x/1' }
    : id === 'login'
      ? { number: 2, title: 'Sign-in' }
      : undefined;

const say = (changes: Change[], place?: number, within?: string) => {
  const [revision] = revisionsOf(changes);
  if (!revision) throw new Error('no revision');
  return plainText(sentenceOf(revision, { find, place, within }));
};

test('changes of one request are one revision', () => {
  const all = [change(3, 'items.reordered'), item(2, 'item.created', '1.2'), item(2, 'item.created', '1.1')];
  expect(revisionsOf(all).map((r) => [r.revision, r.changes.length])).toEqual([
    [3, 1],
    [2, 2],
  ]);
});

test('a revision at the end of a page waits for the next page', () => {
  const all = [change(3, 'items.reordered'), item(2, 'item.created', '1.2'), item(2, 'item.created', '1.1')];
  expect(complete(all, false).whole.map((c) => c.revision)).toEqual([3]);
  expect(complete(all, false).rest.map((c) => c.revision)).toEqual([2, 2]);
  expect(complete(all.slice(1), false).whole).toEqual([]);
  expect(complete(all, true).rest).toEqual([]);
  expect(complete([], true).whole).toEqual([]);
});

test('sentences name items and specifications', () => {
  expect(say([item(1, 'item.moved', '1.3')])).toBe('moved item 1.3 of Refunds');
  expect(say([item(1, 'item.moved', '1.3')], 1)).toBe('moved item 1.3 of Refunds to place 1');
  expect(say([item(1, 'item.created', '1.2'), item(1, 'item.created', '1.1')])).toBe(
    'added items 1.1 and 1.2 to Refunds',
  );
  expect(say([1, 2, 3, 4].map((n) => item(1, 'item.deleted', `1.${n}`)))).toBe('deleted 4 items of Refunds');
  expect(say([item(1, 'item.changed', '1.1'), change(1, 'specification.created')])).toBe(
    'created Refunds and changed item 1.1 of Refunds',
  );
  expect(say([item(1, 'item.created', '1.1'), change(1, 'specification.created')])).toBe(
    'created Refunds with item 1.1',
  );
});

test('a reader of one specification does not read its name', () => {
  expect(say([item(1, 'item.moved', '1.3')], 2, 'refunds')).toBe('moved item 1.3 to place 2');
  expect(say([change(1, 'specification.changed')], undefined, 'refunds')).toBe('changed the text');
});

test('a move to another specification is one part of the sentence', () => {
  const changes = [item(5, 'item.moved', '2.1', 'login'), item(5, 'item.moved', '1.1')].map((c) => ({
    ...c,
    item_id: 'the item',
  }));
  expect(say(changes)).toBe('moved item 2.1 from Refunds to Sign-in');
});

test('a sentence about much ends with a number', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => change(1, 'specification.changed', { specification_id: id }));
  expect(say(many)).toMatch(/ and 3 more changes$/);
});

test('only what is there is a link', () => {
  const [revision] = revisionsOf([item(1, 'item.changed', '2.1', 'login'), item(1, 'item.changed', '1.1')]);
  if (!revision) throw new Error('no revision');
  const paths = sentenceOf(revision, { find }).flatMap((part) => (typeof part === 'string' ? [] : [part.path]));
  expect(paths).toEqual(['/p/x/1#1.1', '/p/x/1', undefined, undefined]);
});

test('the detail of a conflict names revisions', () => {
  expect(conflictingRevisions('Later revisions changed the same things: r4 and r15.')).toEqual({
    revisions: [4, 15],
    more: false,
  });
  expect(conflictingRevisions('Later revisions changed the same things: r4, r5 and 12 more.').more).toBe(true);
  expect(conflictingRevisions('The item 01a22d5e-c9c9 was moved.').revisions).toEqual([]);
});
