import { expect, test } from 'vitest';
import { de } from './de';
import { en } from './en';

test('every text with parameters has the same ones in both languages', () => {
  compare(en, de);
});

function compare(texts: object, others: object, path = '') {
  for (const [name, text] of Object.entries(texts)) {
    const other: unknown = others[name as keyof typeof others];
    expect(typeof other, path + name).toBe(typeof text);
    if (typeof text === 'function')
      expect((other as (...values: unknown[]) => unknown).length, path + name).toBe(text.length);
    else if (typeof text === 'object' && !Array.isArray(text))
      compare(text as object, other as object, `${path}${name}.`);
  }
}
