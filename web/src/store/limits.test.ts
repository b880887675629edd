import { expect, test } from 'vitest';
import { faultOf, projectLimits, repaired, specificationLimits } from './limits';

const { title, content } = specificationLimits;

test('a length is counted in code points, of a title without the blanks around it', () => {
  expect(faultOf('🧾'.repeat(200), title)).toBeUndefined();
  expect(faultOf(` ${'x'.repeat(200)}  `, title)).toBeUndefined();
  expect(faultOf('x'.repeat(211), title)).toEqual({ kind: 'long', by: 11, max: 200 });
  expect(faultOf(`${'x'.repeat(5000)} `, projectLimits.content)).toEqual({ kind: 'long', by: 1, max: 5000 });
});

test.each([
  ['a\0', content, 'U+0000', 2],
  ['🧾\ud83d', content, 'U+D83D', 2],
  ['\udc00', content, 'U+DC00', 1],
  ['a\u0085', content, 'U+0085', 2],
  ['a\tb', title, 'U+0009', 2],
  ['a\u2028b', title, 'U+2028', 2],
])('%j has a character that cannot be stored', (text, limit, code, at) => {
  expect(faultOf(text, limit)).toEqual({ kind: 'character', code, at });
  expect(faultOf(repaired(text, limit), limit)).toBeUndefined();
});

test('tabs and lines are text, and so are emoji and combining characters', () => {
  const text = 'a\tb\r\nc 👩‍👩‍👧‍👦 e\u0301 \u2028 \u202e 𝒜';
  expect(faultOf(text, content)).toBeUndefined();
  expect(repaired(text, content)).toBe(text);
});
