import { t } from '../i18n';
import { keyNames, onMac } from './keynames';

/** isCommand reports whether the key of commands is held: ⌘ on a Mac, Ctrl elsewhere. */
export const isCommand = (event: KeyboardEvent) => (onMac ? event.metaKey : event.ctrlKey);

/** keysOf names keys as this computer's keyboard does. */
export const keysOf = (keys: string) => keyNames(keys, onMac);

/** isPageKey reports whether a key is for the page, and not for a field or a dialog. */
export function isPageKey(event: KeyboardEvent): boolean {
  const target = event.target;
  if (event.defaultPrevented || event.isComposing || !(target instanceof Element)) return false;
  return !target.closest('input, textarea, select, dialog, [role=menu]');
}

/** keyTable is what the dialog of all keys shows. */
export const keyTable: { title: string; keys: [string, string][] }[] = [
  {
    title: t.keysEverywhere,
    keys: [
      ['Ctrl K', t.palette],
      ['/', t.search],
      ['?', t.allKeys],
      ['Ctrl Z', t.undo],
      ['Ctrl Shift Z', t.redo],
      ['Esc', t.close],
    ],
  },
  {
    title: t.keysList,
    keys: [
      ['↑ ↓', t.keyStep],
      ['Enter', t.edit],
      ['N', t.addBelow],
      ['Alt ↑ ↓', t.keyMove],
      ['Del', t.delete],
      ['Home End', t.keyEnds],
      ['Alt H', t.history],
    ],
  },
  {
    title: t.keysEditing,
    keys: [
      ['Enter', t.keyNext],
      ['Shift Enter', t.keyLine],
      ['Esc', t.keyLeave],
      ['Alt ↑ ↓', t.keyMove],
      ['⌫', t.keyEmpty],
    ],
  },
];
