/** onMac is true on devices whose keyboards have ⌘. */
export const onMac = typeof navigator !== 'undefined' && /^(Mac|iP)/.test(navigator.platform);

const macNames: Record<string, string> = { Ctrl: '⌘', Alt: '⌥', Shift: '⇧', Enter: '↩', Esc: 'esc', Del: '⌫' };

/** keyNames returns keys, which are separated by spaces, under the names that a Mac has for them. */
export const keyNames = (keys: string, mac: boolean) =>
  mac
    ? keys
        .split(' ')
        .map((key) => macNames[key] ?? key)
        .join(' ')
    : keys;
