import type { Node } from './parse';

const elements: Record<string, string> = {
  paragraph: 'p',
  emphasis: 'em',
  strong: 'strong',
  delete: 'del',
  blockquote: 'blockquote',
  listItem: 'li',
};

/**
 * render makes elements of known nodes, and text of all others. HTML in a text stays
 * text; an image becomes a link, because the page loads nothing from elsewhere.
 */
export function render(nodes: readonly Node[]): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const node of nodes) fragment.append(one(node));
  return fragment;
}

function one(node: Node): globalThis.Node | string {
  switch (node.type) {
    case 'text':
    case 'html':
      return node.value ?? '';
    case 'inlineCode':
      return withText('code', node.value ?? '');
    case 'code': {
      const pre = document.createElement('pre');
      pre.append(withText('code', node.value ?? ''));
      return pre;
    }
    case 'heading': // below the title of the specification
      return within(document.createElement(`h${Math.min(6, (node.depth ?? 1) + 1)}`), node);
    case 'list': {
      const list = document.createElement(node.ordered ? 'ol' : 'ul');
      if (list instanceof HTMLOListElement && typeof node.start === 'number') list.start = node.start;
      return within(list, node);
    }
    case 'link':
      return link(node.url ?? '', render(node.children ?? []));
    case 'image':
      return link(node.url ?? '', node.alt || (node.url ?? ''));
    case 'break':
      return document.createElement('br');
    case 'thematicBreak':
      return document.createElement('hr');
    default: {
      const name = elements[node.type];
      return name ? within(document.createElement(name), node) : render(node.children ?? []);
    }
  }
}

function within(element: HTMLElement, node: Node): HTMLElement {
  element.append(render(node.children ?? []));
  return element;
}

function withText(name: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

/** A link leads to the web or to mail. Any other address is shown as text. */
function link(url: string, content: DocumentFragment | string): HTMLElement {
  if (!/^(https?:|mailto:)/i.test(url)) {
    const text = document.createElement('span');
    text.append(content);
    return text;
  }
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.rel = 'noopener noreferrer';
  anchor.target = '_blank';
  anchor.append(content);
  return anchor;
}
