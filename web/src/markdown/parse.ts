import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmStrikethroughFromMarkdown } from 'mdast-util-gfm-strikethrough';
import { gfmStrikethrough } from 'micromark-extension-gfm-strikethrough';

/** Node is a part of a Markdown text, as far as the workspace knows its kinds. */
export interface Node {
  type: string;
  value?: string;
  children?: Node[];
  depth?: number;
  url?: string;
  alt?: string | null;
  ordered?: boolean | null;
  start?: number | null;
}

/** Whether a text may be anything but plain text. */
const marked = /[\\`*_~[\]<>#|&\n]|^\s|^[-+] |^\d+[.)] |^(?:---|===)| {2}$|!\[/;

/** parse returns the blocks of a text. Most items are plain text, which needs no parser. */
export function parse(text: string): Node[] {
  if (!marked.test(text)) return [{ type: 'paragraph', children: [{ type: 'text', value: text }] }];
  const tree = fromMarkdown(text, {
    extensions: [gfmStrikethrough({ singleTilde: false })],
    mdastExtensions: [gfmStrikethroughFromMarkdown()],
  });
  return tree.children as Node[];
}
