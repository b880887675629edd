import { isBlank, type Op, type Ref, type Texts } from './ops';
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
    const version = this.unclear || this.queue.ops.some((op) => op.kind === 'undo') ? 0 : seen;
    this.local(() => this.queue.delete(this.id(ref), version));
  }

  text(value: Texts) {
    const { title, content } = this.base ?? { title: '', content: '' };
    this.local(() => this.queue.text(value, { title, content }));
  }

  /** undo takes back the newest change of this page, here or at the server. */
  undo() {
    if (!this.queue.undo()) this.queue.ops.push({ kind: 'undo', version: 0, redo: false });
    this.changed();
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

  /** takeTheirs drops an operation. */
  takeTheirs(op: Op) {
    this.queue.reopen(op);
    const { base } = this;
    const fields = op.kind === 'text' ? (Object.keys(op.value) as (keyof Texts)[]) : [];
    const others = op.kind === 'text' && base ? fields.filter((f) => base[f] === op.was[f]) : [];
    // The title stays if the conflict is about the text, and the other way round.
    if (op.kind === 'text' && others.length > 0)
      op.value = Object.fromEntries(others.map((field) => [field, op.value[field]]));
    else this.queue.remove(op);
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
      return op.kind === 'text' ? Object.values(op.value as Record<string, string>) : [];
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
