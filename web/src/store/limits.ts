/** Limit is the server's rule for one text. Lengths are in code points, as at the server. */
export interface Limit {
  max: number;
  /** A text of one line has no control characters at all, and no blanks around it. */
  oneLine?: boolean;
  /** It may be blank. */
  optional?: boolean;
}

/** Limits are the rules for the texts of a store. */
export interface Limits {
  title: Limit;
  content: Limit;
  item: Limit;
}

const title = (max: number): Limit => ({ max, oneLine: true });

export const specificationLimits: Limits = {
  title: title(200),
  content: { max: 100_000 },
  item: { max: 10_000 },
};
export const projectLimits: Limits = {
  title: title(100),
  content: { max: 5000, optional: true },
  item: { max: 0 },
};
export const baselineName = title(100);
export const userName = title(200);
export const searchText: Limit = { max: 200, optional: true };

/** Fault is what the server would reject: a text that is too long, or a character. */
export type Fault = { kind: 'long'; by: number; max: number } | { kind: 'character'; code: string; at: number };

// \p{Cs} are halves of surrogate pairs.
const inText = /(?![\t\n\r])\p{Cc}|\p{Cs}/gu;
const inLine = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;
const forbidden = (limit: Limit) => (limit.oneLine ? inLine : inText);

/** faultOf is the first thing that the server would reject. */
export function faultOf(text: string, limit: Limit): Fault | undefined {
  const at = text.search(forbidden(limit));
  if (at >= 0) {
    const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return { kind: 'character', code: `U+${code}`, at: lengthOf(text.slice(0, at)) + 1 };
  }
  const by = lengthOf(limit.oneLine ? text.trim() : text) - limit.max;
  return by > 0 ? { kind: 'long', by, max: limit.max } : undefined;
}

/** fits reports whether the server takes a text, apart from a blank one. */
export const fits = (text: string, limit: Limit) => faultOf(text, limit) === undefined;

/** repaired is a text without the characters that the server rejects. */
export const repaired = (text: string, limit: Limit) => text.replace(forbidden(limit), '');

/** lengthOf counts code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    length++;
    if ((text.codePointAt(at) ?? 0) > 0xffff) at++;
  }
  return length;
}
