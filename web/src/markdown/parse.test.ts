import { expect, test } from 'vitest';
import { parse } from './parse';

test.each([
  ['A plain sentence, with 3 numbers (and brackets).', 'paragraph'],
  ['# Title', 'heading'],
  ['- one', 'list'],
  ['1. one', 'list'],
  ['> quoted', 'blockquote'],
  ['```\ncode\n```', 'code'],
  ['---', 'thematicBreak'],
])('%j is a %s', (text, type) => {
  expect(parse(text)[0]?.type).toBe(type);
});

test('the fast way for plain text gives what the parser gives', () => {
  const paragraph = (text: string) => JSON.stringify(parse(text)[0]?.children?.map((n) => [n.type, n.value]));
  expect(paragraph('plain')).toBe('[["text","plain"]]');
  expect(paragraph('a **b** c')).toBe('[["text","a "],["strong",null],["text"," c"]]');
});

test('references and HTML are known kinds, so that render can make text of them', () => {
  expect(parse('<script>alert(1)</script>')[0]?.type).toBe('html');
  expect(parse('a &amp; b')[0]?.children?.[0]?.value).toBe('a & b');
});
