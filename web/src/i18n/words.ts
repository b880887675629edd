/** A word of a sentence that is set in italics, or leads somewhere. */
export interface Word {
  text: string;
  /** The path of the workspace that it leads to. */
  path?: string;
  /** Titles are set in italics. */
  title?: boolean;
}

/** Words are a sentence as parts, so that a component can show some of them as links. */
export type Words = (string | Word)[];

/** words makes a sentence of a template. */
export function words(texts: TemplateStringsArray, ...parts: (string | number | Word | Words)[]): Words {
  const all: Words = [];
  texts.forEach((text, n) => {
    if (text) all.push(text);
    const part = parts[n];
    if (Array.isArray(part)) all.push(...part);
    else if (part !== undefined) all.push(typeof part === 'number' ? String(part) : part);
  });
  return all;
}

/** plainText is a sentence without its links. */
export const plainText = (sentence: Words) =>
  sentence.map((part) => (typeof part === 'string' ? part : part.text)).join('');

/** list joins parts as in a sentence: a, b and c. */
export function list(parts: Words[], language: string): Words {
  const locale = language === 'en' ? 'en-GB' : language; // no comma before "and"
  const format = new Intl.ListFormat(locale, { type: 'conjunction' });
  return format
    .formatToParts(parts.map((_, n) => String(n)))
    .flatMap((part) => (part.type === 'element' ? (parts[Number(part.value)] ?? []) : [part.value]));
}
