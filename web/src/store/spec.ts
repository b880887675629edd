import { newID } from '../api/locks';
import { isBlank, type Aside, type Op, type Ref, type Texts } from './ops';
import { Sync } from './sync';

/** SpecStore has what a user can do to a specification. All of it is shown at once. */
export class SpecStore extends Sync {
  create(ref: Ref, content: string, after: Ref | null, token: string) {
    this.local(() => this.queue.create(ref, content, this.id(after), token));
  }

  edit(ref: Ref, content: string, seen: { content: string; version: number }) {
    this.local(() => this.queue.edit(this.id(ref), content, seen));
  }

  move(ref: Ref, after: Ref | null) {
    this.local(() => this.queue.move(this.id(ref), this.id(after)));
  }

  delete(ref: Ref) {
    const seen = this.base?.items.find((item) => item.id === this.id(ref))?.version ?? 0;
    // What an undo makes of the item is not here yet, but it is the user's own doing.
    const version = this.isUndoing ? 0 : seen;
    this.local(() => this.queue.delete(this.id(ref), version));
  }

  /** text replaces texts. The user began from what was seen, by default from the newest. */
  text(value: Texts, seen: Texts = {}) {
    const { title, content } = this.base ?? { title: '', content: '' };
    this.local(() => this.queue.text(value, { title, content, ...seen }));
  }

  /** undo takes back the newest change of this page, here or at the server. */
  undo() {
    if (!this.queue.undo()) this.queue.ops.push({ kind: 'undo', version: 0, redo: false });
    this.changed();
  }

  /** isUndoing is true until the result of an undo is here. */
  get isUndoing(): boolean {
    return this.unclear || this.queue.ops.some((op) => op.kind === 'undo');
  }

  redo() {
    const pending = this.queue.ops.some((op) => op.kind === 'undo');
    if (!pending && this.undone.length === 0) this.queue.redo();
    else if (this.undone.length > 0) this.queue.ops.push({ kind: 'undo', version: 0, redo: true });
    this.changed();
  }

  /** keepMine sends the text of the user in place of the other one. */
  keepMine(op: Op) {
    this.queue.reopen(op);
    const item = op.kind === 'edit' ? this.base?.items.find((i) => i.id === op.ref) : undefined;
    if (op.kind === 'edit' && item) Object.assign(op, { was: item.content, version: item.version });
    if (op.kind === 'edit' && !item) this.queue.ops.unshift({ kind: 'revive', ref: op.ref });
    if (op.kind === 'text' && this.base) op.was = { title: this.base.title, content: this.base.content };
    this.changed();
  }

  /** takeTheirs puts the text of the user aside. */
  takeTheirs(op: Op) {
    const { base, queue } = this;
    queue.reopen(op);
    if (op.kind === 'edit') {
      queue.putAside(op.ref, { content: op.content });
      queue.remove(op);
    } else if (op.kind === 'text' && base) {
      // The title stays if the conflict is about the text, and the other way round.
      const all = Object.entries(op.value) as [keyof Texts, string][];
      const lost = all.filter(([field, text]) => base[field] !== op.was[field] && base[field] !== text);
      if (lost.length > 0) queue.putAside(null, Object.fromEntries(lost));
      op.value = Object.fromEntries(all.filter(([field]) => base[field] === op.was[field]));
      if (Object.keys(op.value).length === 0) queue.remove(op);
    }
    this.changed();
  }

  /** takeUp replaces the present text by one that was put aside. */
  takeUp(aside: Aside) {
    const { base, queue } = this;
    queue.remove(aside);
    const { content = '' } = aside.value;
    const item = base?.items.find((i) => i.id === aside.item);
    const unsent = queue.ops.findLast((op) => op.kind === 'edit' && op.ref === aside.item);
    if (unsent?.kind === 'edit' && queue.isOpen(unsent)) queue.putAside(unsent.ref, { content: unsent.content });
    if (aside.item === null) this.text(aside.value);
    else if (item) this.edit(item.id, content, item);
    else this.add(content, base?.items.at(-1)?.id ?? null);
    this.settle();
  }

  private add(content: string, after: Ref | null) {
    const ref = `new-${newID()}`;
    this.create(ref, '', after, newID());
    this.edit(ref, content, { content: '', version: 0 });
  }

  /** discard gives up a text that was put aside. */
  discard(aside: Aside) {
    this.queue.remove(aside);
    this.changed();
  }

  /** id is the server's name of an item, if it has one. */
  id<R extends Ref | null>(ref: R): R | Ref {
    return (ref && this.names.get(ref)) ?? ref;
  }

  private local(change: () => void) {
    const before = this.queue.ops.at(-1);
    change();
    this.undone = [];
    this.queue.forgetUndone();
    const last = this.queue.ops.at(-1);
    if (last) this.hold.touch(last, last !== before);
    this.changed();
  }

  /** The texts that were not sent. */
  get texts(): string[] {
    return this.queue.saved().flatMap((op) => {
      if (op.kind === 'create' || op.kind === 'edit') return op.content;
      return op.kind === 'text' || op.kind === 'aside' ? textsOf(op.value) : [];
    });
  }

  /** Whether all is at the server. */
  get isSaved(): boolean {
    return this.queue.unsaved === 0;
  }

  /** isDraft reports whether an item is a new row without text. */
  isDraft(ref: Ref): boolean {
    return this.queue.ops.some((op) => op.kind === 'create' && op.ref === ref && isBlank(op.content));
  }
}

/** textsOf are the texts of an operation, without their names. */
export const textsOf = (value: Texts): string[] => Object.values(value as Record<string, string>);
