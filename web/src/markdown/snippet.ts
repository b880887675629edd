import { parse, type Node } from './parse';

/** A part of a text that a search has found, and whether it is one of the words. */
export interface Segment {
  text: string;
  match: boolean;
}

/**
 * withoutMarks returns a snippet without the marks of Markdown. If a word that was found
 * would go away with them, such as one in an address, they stay.
 */
export function withoutMarks(segments: readonly Segment[]): readonly Segment[] {
  const source = segments.map((s) => s.text).join('');
  const found = segments.flatMap((s) => Array.from({ length: s.text.length }, () => s.match));
  const shown: Segment[] = [];
  const kept = new Set<number>();
  const add = (text: string, match: boolean) => {
    const last = shown.at(-1);
    if (last?.match === match) last.text += text;
    else shown.push({ text, match });
  };
  for (const [at, text] of places(parse(source), source)) {
    kept.add(at);
    add(text, found[at] ?? false);
  }
  const lost = found.some((match, at) => match && !kept.has(at));
  return lost ? segments : shown;
}

/** places lists the characters of a text that are no marks, with their places in it. */
function places(nodes: readonly Node[], source: string): [number, string][] {
  return nodes.flatMap((node, n): [number, string][] => {
    const { start, end } = node.position ?? { start: { offset: 0 }, end: { offset: source.length } };
    const text = node.value ?? node.alt;
    if (node.children && text === undefined) {
      const inside = places(node.children, source);
      const isBlock = /^(paragraph|heading|listItem|blockquote|list)$/.test(node.type);
      return isBlock && n > 0 ? [[start.offset, ' '], ...inside] : inside;
    }
    if (node.type === 'break') return [[start.offset, ' ']];
    const whole = source.slice(start.offset, end.offset).indexOf(text ?? '');
    let at = start.offset + Math.max(0, whole);
    const all: [number, string][] = n > 0 && node.type === 'code' ? [[start.offset, ' ']] : [];
    for (const letter of text ?? '') {
      const place = source.indexOf(letter, at);
      if (place < 0 || place >= end.offset) continue; // such as an entity
      all.push([place, letter]);
      at = place + letter.length;
    }
    return all;
  });
}
