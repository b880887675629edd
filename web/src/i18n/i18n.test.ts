import { expect, test } from 'vitest';
import { de } from './de';
import { en } from './en';

test('every text with parameters has the same ones in both languages', () => {
  for (const [name, text] of Object.entries(en)) {
    const other = de[name as keyof typeof de];
    expect(typeof other, name).toBe(typeof text);
    if (typeof text === 'function') expect((other as typeof text).length, name).toBe(text.length);
  }
});
