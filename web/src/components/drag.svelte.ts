/** How near to the edge of the window a drag begins to scroll, and how far at a time. */
const edge = 60;
const speed = 12;

/**
 * Drag moves an element of a list with the mouse, a pen or a finger. The list shows a line
 * where the element would go.
 */
export class Drag {
  /** The place of the dragged element, and the offset of the line in the list. */
  from = $state<number>();
  line = $state<number>();

  begin(event: PointerEvent, list: HTMLElement, elements: HTMLElement[], from: number, drop: (to: number) => void) {
    const grip = event.currentTarget as HTMLElement;
    grip.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.from = from;
    let y = event.clientY;
    let to = from;
    let frame = 0;
    // A narrow page has a bar at the top, which the list goes below.
    const above = document.querySelector('.bar')?.getBoundingClientRect().bottom ?? 0;

    const follow = () => {
      const out = y < above + edge ? -speed : y > innerHeight - edge ? speed : 0;
      if (out) scrollBy(0, out);
      const gap = gapAt(elements, y);
      const top = list.getBoundingClientRect().top;
      const before =
        elements[gap]?.getBoundingClientRect().top ?? elements.at(-1)?.getBoundingClientRect().bottom ?? top;
      to = gap > from ? gap - 1 : gap;
      this.line = before - top;
      frame = requestAnimationFrame(follow);
    };
    const move = (e: PointerEvent) => (y = e.clientY);
    const end = (e: Event) => {
      cancelAnimationFrame(frame);
      this.from = this.line = undefined;
      grip.removeEventListener('pointermove', move);
      for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) grip.removeEventListener(name, end);
      removeEventListener('keydown', escape, true);
      if (e.type === 'pointerup' && to !== from) drop(to);
    };
    const escape = (e: KeyboardEvent) => {
      if (e.key === 'Escape') end(e);
    };
    grip.addEventListener('pointermove', move);
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) grip.addEventListener(name, end);
    addEventListener('keydown', escape, true);
    follow();
  }
}

/** gapAt is the number of elements whose middle is above a height. */
function gapAt(elements: HTMLElement[], y: number): number {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const box = (elements[middle] as HTMLElement).getBoundingClientRect();
    if (box.top + box.height / 2 < y) low = middle + 1;
    else high = middle;
  }
  return low;
}
