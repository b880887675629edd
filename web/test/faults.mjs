// What is wrong with a page that is shown, as sentences; the tests of all screens call them.

/** textFaults are texts that are cut, that leave the window, or that lie on each other. */
export const textFaults = (page) =>
  page.evaluate(() => {
    const faults = [];
    const name = (element) =>
      `${element.tagName.toLowerCase()}${element.className && `.${String(element.className).split(' ')[0]}`} “${element.textContent.trim().slice(0, 40)}”`;
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth - innerWidth} px too wide`);
    const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
    const boxes = [];
    const walker = document.createTreeWalker(dialog ?? document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (
        !walker.currentNode.data.trim() ||
        !element.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true })
      )
        continue;
      if (element.closest('.hidden-text, .skip, option, script, style, textarea, select')) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      // An ancestor that cuts its content: with an ellipsis or by lines it is meant to.
      let cut = false;
      let clip = { left: 0, right: innerWidth, top: -1e6, bottom: 1e6 };
      for (let at = element; at && at !== root; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.overflowX === 'visible' || style.display === 'inline') continue;
        const box = at.getBoundingClientRect();
        const scrolls = /auto|scroll/.test(style.overflowX + style.overflowY);
        const meant = style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
        if (!scrolls && !meant && (at.scrollWidth > at.clientWidth + 1 || at.scrollHeight > at.clientHeight + 1))
          cut = at;
        clip = {
          left: Math.max(clip.left, box.left),
          right: Math.min(clip.right, scrolls || meant ? box.right : 1e6),
          top: Math.max(clip.top, box.top),
          bottom: Math.min(clip.bottom, box.bottom),
        };
        if (scrolls && at.scrollWidth > at.clientWidth + 1 && !at.matches('pre, code, .text'))
          faults.push(`${name(at)} scrolls sideways`);
      }
      if (cut) faults.push(`${name(cut)} is cut`);
      for (const box of range.getClientRects()) {
        if (box.width < 1 || box.height < 1) continue;
        const seen = {
          left: Math.max(box.left, clip.left),
          right: Math.min(box.right, clip.right),
          top: Math.max(box.top, clip.top),
          bottom: Math.min(box.bottom, clip.bottom),
        };
        if (seen.right - seen.left < 1 || seen.bottom - seen.top < 1) continue;
        if (seen.left < -1 || seen.right > innerWidth + 1) faults.push(`${name(element)} leaves the window`);
        boxes.push({ element, ...seen });
      }
    }
    // Layers such as menus, bars and notices lie above the page on purpose.
    const layer = (element) => {
      for (let at = element; at; at = at.parentElement)
        if (/fixed|sticky/.test(getComputedStyle(at).position) || at.matches('[role=menu]')) return at;
      return root;
    };
    for (const box of boxes) box.layer = layer(box.element);
    boxes.sort((a, b) => a.top - b.top);
    boxes.forEach((a, n) => {
      for (const b of boxes.slice(n + 1)) {
        if (b.top > a.bottom) break;
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 4 && a.layer === b.layer && a.element !== b.element)
          faults.push(`${name(a.element)} lies on ${name(b.element)}`);
      }
    });
    return [...new Set(faults)];
  });

/** targetFaults are controls with less than 24 by 24 px (WCAG 2.5.8). Links in a sentence are as high as their line. */
export const targetFaults = (page) =>
  page.evaluate(() => {
    const faults = [];
    const controls = 'a[href], button, input, select, textarea, summary, .grip, [role=option], [role=menuitem]';
    const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
    for (const control of (dialog ?? document).querySelectorAll(controls)) {
      if (!control.checkVisibility({ visibilityProperty: true }) || control.closest('[inert]')) continue;
      if (control.matches('.skip, .shade')) continue;
      const style = getComputedStyle(control);
      const sentence = control.parentElement.textContent.trim() !== control.textContent.trim();
      if (style.display === 'inline' && sentence && control.matches('a')) continue;
      const box = (control.closest('label') ?? control).getBoundingClientRect();
      if (box.width < 24 || box.height < 24)
        faults.push(
          `${control.tagName} “${control.ariaLabel ?? control.textContent.trim()}” is ${box.width.toFixed(1)} by ${box.height.toFixed(1)}`,
        );
    }
    return faults;
  });

const named = new Set(
  'button link textbox searchbox combobox checkbox menuitem option row DisclosureTriangle listbox grid menu dialog navigation complementary region spinbutton Date'.split(
    ' ',
  ),
);
const doing = new Set(['button', 'menuitem', 'checkbox', 'textbox', 'combobox']);
const rows = new Set(['listitem', 'row', 'dialog', 'navigation', 'main', 'complementary', 'banner']);

/**
 * treeFaults are faults of the tree that screen readers get: controls without a name, two
 * of one name that do different things, headings that leave a level out, landmarks of one name.
 */
export async function treeFaults(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  const byID = new Map(nodes.map((node) => [node.nodeId, node]));
  const role = (node) => node?.role?.value;
  const name = (node) => (node?.name?.value ?? '').trim();
  const url = (node) => node.properties?.find((p) => p.name === 'url')?.value.value;
  const faults = [];
  const seen = new Map();
  const once = (key, what, value = '') => {
    if (seen.has(key) && seen.get(key) !== value) faults.push(`two of ${what}`);
    seen.set(key, value);
  };
  let level = 0;
  const visit = (node, within) => {
    if (!node.ignored) {
      const [kind, text] = [role(node), name(node)];
      const isRow = rows.has(kind);
      if (named.has(kind) && !text) faults.push(`${kind} without a name`);
      if (doing.has(kind) && !text.startsWith('Show date picker'))
        once(`${kind} ${text}`, `${kind} “${text}”`, node.nodeId);
      if (kind === 'link') once(`link ${within} ${text}`, `link “${text}” with different addresses`, url(node));
      if (/^(navigation|complementary|region|main|banner)$/.test(kind))
        once(`${kind} ${text}`, `landmark ${kind} “${text}”`, node.nodeId);
      if (kind === 'heading') {
        const now = node.properties.find((p) => p.name === 'level').value.value;
        if (now > level + 1 && !(level === 0 && within.includes('dialog')))
          faults.push(`heading “${text}” has level ${now} after ${level}`);
        level = now;
      }
      if (isRow) within = `${kind} ${node.nodeId} ${within}`;
    }
    for (const id of node.childIds ?? []) if (byID.has(id)) visit(byID.get(id), within);
  };
  visit(nodes[0], '');
  return [...new Set(faults)];
}
