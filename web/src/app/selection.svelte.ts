import { tick } from 'svelte';
import { isBlank, type Ref } from '../store/ops';
import type { Outline, Row } from './outline.svelte';

/** rowID is the id of the element of a row. */
export const rowID = (key: Ref) => `row-${key}`;

/** newItemID is the id of the button below the rows. */
export const newItemID = 'new-item';

/**
 * Selection is where the user is in a list of items: one row is active, and perhaps
 * edited. Its methods are the commands of the keyboard, which menus call, too.
 */
export class Selection {
  active = $state<Ref | null>(null);
  private edited = $state<Ref | null>(null);
  /** Where the caret goes in a row that begins to be edited. */
  caret: 'start' | 'end' = 'end';
  /** True while rows change their places, which takes the focus from a field. */
  moving = false;

  constructor(readonly outline: Outline) {}

  get editing(): Ref | null {
    return this.edited;
  }

  set editing(key: Ref | null) {
    this.edited = key;
    this.outline.edited = key;
  }

  /** The row that Tab leads to. */
  get entrance(): Ref | undefined {
    const { rows } = this.outline;
    return rows.some((row) => row.key === this.active) ? (this.active as Ref) : rows[0]?.key;
  }

  private index(key: Ref | null): number {
    return this.outline.rows.findIndex((row) => row.key === key);
  }

  /** focus goes to a row, or without one to the button for a new item. */
  async focus(key: Ref | undefined) {
    this.active = key ?? null;
    this.editing = null;
    await tick();
    const element = document.getElementById(key === undefined ? newItemID : rowID(key));
    element?.focus({ preventScroll: true });
    element?.scrollIntoView({ block: 'nearest' });
  }

  edit(key: Ref, caret: 'start' | 'end' = 'end') {
    this.caret = caret;
    this.active = key;
    this.editing = key;
  }

  /** step goes to the row that lies by some places below or above. */
  async step(key: Ref, by: number) {
    const { rows } = this.outline;
    const to = Math.max(0, Math.min(rows.length - 1, this.index(key) + by));
    await this.focus(rows[to]?.key);
  }

  /** editNext goes on editing in the neighbour, and reports whether there is one. */
  editNext(key: Ref, by: 1 | -1): boolean {
    const next = this.outline.rows[this.index(key) + by];
    if (next) this.edit(next.key, by < 0 ? 'end' : 'start');
    return next !== undefined;
  }

  /** add makes a row behind another one, and edits it; null for the top. */
  add(after: Ref | null) {
    this.outline.settle();
    this.edit(this.outline.add(after));
  }

  addLast() {
    this.add(this.outline.rows.at(-1)?.key ?? null);
  }

  /** move moves a row. The list gives the focus back to it. */
  async move(key: Ref, by: number) {
    this.outline.move(key, by);
    await tick();
    document.getElementById(rowID(key))?.scrollIntoView({ block: 'nearest' });
    if (this.editing !== key) await this.focus(key);
  }

  /** remove deletes a row, and goes to the one before it, or to the next one. */
  async remove(row: Row, edit = false) {
    const { rows } = this.outline;
    const at = this.index(row.key);
    const next = edit ? (rows[at - 1] ?? rows[at + 1]) : (rows[at + 1] ?? rows[at - 1]);
    this.editing = null;
    this.outline.remove(row);
    if (next && edit) this.edit(next.key);
    else await this.focus(next?.key);
  }

  /** leave ends editing. A row without text goes away. */
  async leave(row: Row, text: string, focus: boolean) {
    if (this.editing === row.key) this.editing = null;
    this.outline.settle();
    if (isBlank(text)) {
      const before = this.outline.rows[Math.max(0, this.index(row.key) - 1)];
      this.outline.remove(row);
      if (focus) await this.focus(before?.key === row.key ? undefined : before?.key);
    } else if (focus) await this.focus(row.key);
  }
}
