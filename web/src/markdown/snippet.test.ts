import { expect, test } from 'vitest';
import { withoutMarks, type Segment } from './snippet';

/** Words that were found are in braces. */
const segmentsOf = (text: string): Segment[] =>
  text
    .split(/(\{[^}]*\})/)
    .filter(Boolean)
    .map((part) => ({ text: part.replace(/[{}]/g, ''), match: part.startsWith('{') }));
const textOf = (segments: readonly Segment[]) => segments.map((s) => (s.match ? `{${s.text}}` : s.text)).join('');

test.each([
  ['a {refund} is paid', 'a {refund} is paid'],
  ['above **500** a {refund}', 'above 500 a {refund}'],
  ['**{refund}** and `{code}` of *a*', '{refund} and {code} of a'],
  ['**a {refund} b** c', 'a {refund} b c'],
  ['{re}**fund**', '{re}fund'],
  ['# {Refunds}\n\nA text\n\n- one\n- {two}', '{Refunds} A text one {two}'],
  ['a [{link}](https://example.com) here', 'a {link} here'],
  ['a [link](https://{example}.com) here', 'a [link](https://{example}.com) here'],
  ['No <img src=x onerror=alert(1)> in a {refund}', 'No <img src=x onerror=alert(1)> in a {refund}'],
  ['2 \\* 3 {is} 6', '2 * 3 {is} 6'],
  ['…cut **in the {middle}', '…cut **in the {middle}'],
  ['one\\\n{two} 😀 {three}', 'one {two} 😀 {three}'],
  ['', ''],
])('%j is %j without marks', (text, want) => {
  expect(textOf(withoutMarks(segmentsOf(text)))).toBe(want);
});
