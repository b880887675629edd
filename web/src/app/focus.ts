/** The element that had the focus when the user went to another screen. */
let left: Element | null = null;

/** depart remembers that the user goes to another screen. Its heading gets the focus. */
export function depart() {
  left = document.activeElement;
}

/** arrival gives the focus to the heading of a screen, unless the user has moved it meanwhile. */
export function arrival(heading: HTMLElement) {
  const now = document.activeElement;
  if (left && (!now || now === left || now.matches('body, main'))) heading.focus();
  left = null;
}

/** toHeading gives the focus to the heading of the screen. */
export function toHeading() {
  const heading = document.querySelector<HTMLElement>('main h1');
  heading?.focus();
  if (document.activeElement !== heading) document.querySelector('main')?.focus();
}

/** isOnPage reports whether no control has the focus, but the page or a heading of it. */
export const isOnPage = (target: EventTarget | null) =>
  target instanceof Element && target.matches('body, main, h1, h2');

const controls = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';

/** controlIn is the first control in a place that can have the focus. */
function controlIn(place: Element): HTMLElement | undefined {
  const all = [place, ...place.querySelectorAll(controls)];
  return all.find(
    (e): e is HTMLElement => e instanceof HTMLElement && e.matches(controls) && e.tabIndex >= 0 && e.checkVisibility(),
  );
}

/**
 * keepFocus is for a place whose parts come and go. When the part with the focus goes, the
 * focus goes to its neighbour, or to the heading of the screen. A button that is disabled
 * for a while gets the focus again.
 */
export function keepFocus(place: HTMLElement) {
  let last: HTMLElement | undefined;
  let disabled = false;
  // What was behind and before the last element with the focus, and around it.
  let around: { next: Element | null; before: Element | null }[] = [];

  function note(event: FocusEvent) {
    last = event.target as HTMLElement;
    disabled = false;
    around = [];
    for (let at: Element | null = last; at && at !== place; at = at.parentElement)
      around.push({ next: at.nextElementSibling, before: at.previousElementSibling });
  }

  function mend() {
    if (!last || (document.activeElement !== document.body && document.activeElement)) return;
    if (last.isConnected) {
      if (disabled && !last.matches(':disabled')) last.focus();
      disabled = last.matches(':disabled');
      return;
    }
    last = undefined;
    for (const { next, before } of around) {
      for (const near of [next, before?.isConnected && before.nextElementSibling, before]) {
        const control = near && near.isConnected && controlIn(near);
        if (control) return control.focus();
      }
    }
    toHeading();
  }

  // After components that move the focus themselves.
  const observer = new MutationObserver(() => requestAnimationFrame(mend));
  observer.observe(place, { childList: true, subtree: true, attributeFilter: ['disabled'] });
  place.addEventListener('focusin', note);
  const forget = () => (last = undefined);
  addEventListener('pointerdown', forget);
  return () => {
    observer.disconnect();
    place.removeEventListener('focusin', note);
    removeEventListener('pointerdown', forget);
  };
}
