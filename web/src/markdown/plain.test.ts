import { expect, test } from 'vitest';
import { plain } from './plain';

test.each([
  ['plain', 'plain'],
  ['See, **pay** and `dispute` *invoices*.', 'See, pay and dispute invoices.'],
  ['# Title\n\nText', 'Title Text'],
  ['One:\n\n- a\n- b', 'One: a b'],
  ['a [link](https://example.com), ![a picture](x.png)', 'a link, a picture'],
  ['one\ntwo\\\nthree', 'one two three'],
  ['<b>text</b>', '<b>text</b>'],
  ['', ''],
])('%j is %j without marks', (text, want) => {
  expect(plain(text)).toBe(want);
});
