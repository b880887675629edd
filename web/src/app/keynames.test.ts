import { expect, test } from 'vitest';
import { keyNames } from './keynames';

test.each([
  ['Ctrl Shift Z', '⌘ ⇧ Z'],
  ['Alt ↑ ↓', '⌥ ↑ ↓'],
  ['Home End', 'Home End'],
  ['?', '?'],
])('%j is %j on a Mac', (keys, mac) => {
  expect(keyNames(keys, true)).toBe(mac);
  expect(keyNames(keys, false)).toBe(keys);
});
