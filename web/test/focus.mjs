// What the test of the keyboard knows of the focus.
import assert from 'node:assert/strict';
import { eventually } from './harness.mjs';

/** focused is the element with the focus: its name, and what is wrong with how it is shown. */
export const focused = (page) => page.evaluate(find).catch(() => ({ name: 'nothing', faults: ['the page loads'] }));

function find() {
  const element = document.activeElement;
  if (!element || element === document.body) return { name: 'nothing', faults: ['nothing has the focus'] };
  const label = element.id && document.querySelector(`label[for="${CSS.escape(element.id)}"]`)?.textContent;
  const name = (element.ariaLabel || label || element.textContent).trim().replace(/\s+/g, ' ');
  // The heading of a title that can be edited is shown as its field; a text that is edited
  // has its ring around the row, and the field of the palette has a line below it.
  const shown = element.matches('h1.hidden-text') ? element.nextElementSibling : element;
  const ring = [shown, element.closest('.editing'), element.closest('.query')].some((e) => {
    const style = e && getComputedStyle(e);
    if (!style) return false;
    return (
      (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) ||
      (e !== element && style.boxShadow !== 'none')
    );
  });
  const faults = ring ? [] : [`${name} has the focus, but shows nothing of it`];
  const box = shown.getBoundingClientRect();
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const high = Math.min(box.height, innerHeight - 120);
  if (right - left < box.width - 1 || bottom - top < high - 1) faults.push(`${name} is not in the window`);
  for (const [x, y] of [
    [left + 3, top + 3],
    [right - 3, bottom - 3],
    [(left + right) / 2, (top + bottom) / 2],
  ]) {
    for (
      let at = document.elementFromPoint(x, y);
      at && !at.contains(shown) && !shown.contains(at);
      at = at.parentElement
    )
      if (/fixed|sticky/.test(getComputedStyle(at).position))
        faults.push(`${name} is below ${at.className || at.tagName}`);
  }
  return { name, faults: [...new Set(faults)] };
}

const fits = (name, want) => (want instanceof RegExp ? want.test(name) : name === want);

/** hasFocus waits until an element with a name has the focus, and fails if that is not to be seen. */
export async function hasFocus(page, want) {
  await eventually(async () => {
    const { name, faults } = await focused(page);
    return [fits(name, want) ? String(want) : name, faults];
  }, [String(want), []]);
}

/** tabTo presses Tab until an element with a name has the focus. Each one on the way must be visible. */
export async function tabTo(page, want, key = 'Tab') {
  const way = [];
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press(key);
    const { name, faults } = await focused(page);
    if (name !== 'nothing') assert.deepEqual(faults, [], `on the way to ${want}`);
    if (fits(name, want)) return;
    way.push(name);
  }
  assert.fail(`Tab does not lead to ${want}, but to ${way.join(' | ')}`);
}
