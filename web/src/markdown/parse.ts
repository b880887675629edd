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
  /** Where the node is in the text; nodes of plain text have none. */
  position?: { start: { offset: number }; end: { offset: number } };
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
  closeGaps(tree.children as Node[]);
  return tree.children as Node[];
}

/** closeGaps gives each heading the level below the one that it belongs to: no level is left out. */
function closeGaps(nodes: readonly Node[], open: number[] = []) {
  for (const node of nodes) {
    if (node.type !== 'heading') {
      closeGaps(node.children ?? [], open);
      continue;
    }
    const depth = node.depth ?? 1;
    while ((open.at(-1) ?? 0) >= depth) open.pop();
    open.push(depth);
    node.depth = open.length;
  }
}
