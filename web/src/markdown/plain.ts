import { parse, type Node } from './parse';

const inline = new Set(['text', 'inlineCode', 'html', 'emphasis', 'strong', 'delete', 'link', 'image']);

/** plain returns a text without the marks of Markdown, on one line. */
export const plain = (text: string): string => words(parse(text)).replace(/\s+/g, ' ').trim();

const words = (nodes: readonly Node[]): string => nodes.map(one).join('');

function one(node: Node): string {
  const text = node.value ?? node.alt ?? words(node.children ?? []);
  return inline.has(node.type) ? text : `${text} `;
}
