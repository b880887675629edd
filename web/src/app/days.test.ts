import { expect, test } from 'vitest';
import { dayOf, endOf, startOf } from './days';

test('a day begins and ends at midnight of the local zone', () => {
  const begin = new Date(startOf('2026-03-29'));
  const end = new Date(endOf('2026-03-29'));
  expect([begin.getHours(), begin.getDate()]).toEqual([0, 29]);
  expect([end.getHours(), end.getDate()]).toEqual([0, 30]);
  expect(dayOf(begin.toISOString())).toBe('2026-03-29');
});

test('what is no day is no limit', () => {
  for (const text of ['', 'yesterday', '2026-13-01', '2026-1-1']) {
    expect(startOf(text)).toBe('');
    expect(endOf(text)).toBe('');
  }
});
