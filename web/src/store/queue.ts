import { isBlank, isLocal, type Aside, type Create, type Edit, type Op, type Ref, type Text, type Texts } from './ops';

/**
 * Queue has the operations that the server has not confirmed, in their order. What was
 * not sent yet is merged: a text that is typed is one operation, and so is an item that
 * moves by several places. It is plain data, and knows no requests.
 */
export class Queue {
  ops: Op[] = [];
  /** What deletions took from the queue, and the newest operation after each; for undo. */
  private readonly removed: { ops: Op[]; by: Op | undefined }[] = [];
  /** What undo took from the queue; for redo. */
  private readonly undone: Op[] = [];

  create(ref: Ref, content: string, after: Ref | null, token: string) {
    this.ops.push({ kind: 'create', ref, content, after, token });
  }

  edit(ref: Ref, content: string, seen: { content: string; version: number }) {
    const last = this.lastText(ref);
    if (!last && isLocal(ref)) {
      this.create(ref, content, null, ref); // its row was taken back while it was typed
      return;
    }
    if (last && this.isOpen(last)) {
      delete last.failure;
      last.content = content;
      if (last.kind === 'edit' && last.content === last.was) this.remove(last);
      return;
    }
    const was = last?.content ?? seen.content;
    if (content !== was) this.ops.push({ kind: 'edit', ref, content, was, version: seen.version });
  }

  move(ref: Ref, after: Ref | null) {
    const last = this.ops.at(-1);
    const merges = last?.kind === 'move' && last.ref === ref && this.isOpen(last);
    if (merges) last.after = after;
    else if (last?.kind === 'create' && last.ref === ref && this.isOpen(last)) last.after = after;
    else this.ops.push({ kind: 'move', ref, after });
  }

  delete(ref: Ref, version: number) {
    const created = this.ops.find((op): op is Create => op.kind === 'create' && op.ref === ref);
    if (created && this.isOpen(created)) {
      this.drop(created);
      return;
    }
    if (!created && isLocal(ref)) return; // it is gone already
    const edit = this.ops.find((op): op is Edit => op.kind === 'edit' && op.ref === ref && this.isOpen(op));
    const open = this.ops.filter((op) => 'ref' in op && op.ref === ref && this.isOpen(op));
    this.ops = this.ops.filter((op) => !open.includes(op));
    const deletion: Op = { kind: 'delete', ref, version: edit?.version ?? version };
    this.ops.push(deletion);
    if (open.length > 0) this.removed.push({ ops: open, by: deletion });
  }

  /** drop removes a creation that was not sent, and all that is about it. */
  private drop(created: Create) {
    const about = this.ops.filter((op) => 'ref' in op && op.ref === created.ref);
    this.ops = this.ops.filter((op) => !about.includes(op));
    for (const op of this.ops) if ('after' in op && op.after === created.ref) op.after = created.after;
    if (!isBlank(created.content)) this.removed.push({ ops: about, by: this.newest });
  }

  text(value: Texts, seen: Texts) {
    const last = this.ops.findLast((op) => op.kind === 'text');
    if (last && this.isOpen(last)) {
      delete last.failure;
      last.value = { ...last.value, ...value };
      last.was = { ...seen, ...last.was };
      return;
    }
    this.ops.push({ kind: 'text', value, was: { ...seen, ...last?.value } });
  }

  /** The newest operation, apart from a new row without text. */
  private get newest(): Op | undefined {
    return this.ops.findLast(
      (op) => op.kind !== 'aside' && (op.kind !== 'create' || !isBlank(op.content) || !this.isOpen(op)),
    );
  }

  /** undo takes back the newest operation if it was not sent, and returns it. */
  undo(): Op | undefined {
    const last = this.newest;
    const removed = this.removed.at(-1);
    if (removed && removed.by === last && (last?.kind !== 'delete' || this.isOpen(last))) {
      this.removed.pop();
      if (last?.kind === 'delete') this.remove(last);
      this.ops.push(...removed.ops);
      return removed.ops[0];
    }
    if (!last || !this.isOpen(last) || last.kind === 'revive') return undefined;
    if (last.kind === 'create') this.ops = this.ops.filter((op) => !('ref' in op) || op.ref !== last.ref);
    else this.remove(last);
    this.undone.push(last);
    return last;
  }

  /** redo brings back the newest operation that undo has taken back. */
  redo(): boolean {
    const op = this.undone.pop();
    if (op) this.ops.push(op);
    return op !== undefined;
  }

  forgetUndone() {
    this.undone.length = 0;
  }

  /** putAside keeps a text that is not sent, before all that is. */
  putAside(item: string | null, value: Texts) {
    this.ops.unshift({ kind: 'aside', item, value });
  }

  get asides(): Aside[] {
    return this.ops.filter((op) => op.kind === 'aside');
  }

  /** adopt puts operations of an earlier page before those of this one. */
  adopt(ops: Op[]) {
    this.ops.unshift(...ops);
  }

  remove(op: Op) {
    this.ops = this.ops.filter((o) => o !== op);
  }

  /** An operation is open while it was not sent: it can still change. */
  isOpen(op: Op): boolean {
    return !op.tried;
  }

  /** reopen is for an operation that certainly did not arrive. It takes in later texts. */
  reopen(op: Op) {
    delete op.tried;
    if (op.kind === 'create') delete op.sent;
    for (const later of this.ops.filter((o) => o !== op)) {
      if (later.kind === 'edit' && follows(later, op)) op.content = later.content;
      else if (op.kind === 'text' && later.kind === 'text' && continues(later, op))
        op.value = { ...op.value, ...later.value };
      else continue;
      this.remove(later);
    }
  }

  private lastText(ref: Ref): Create | Edit | undefined {
    return this.ops.findLast(
      (op): op is Create | Edit => (op.kind === 'edit' || op.kind === 'create') && op.ref === ref,
    );
  }

  /** acknowledged removes an operation. Those behind it build on its result. */
  acknowledged(op: Op, result?: { id: Ref; version: number }) {
    this.remove(op);
    if (!result || !('ref' in op)) return;
    const before = op.ref;
    for (const later of [...this.ops, ...this.removed.flatMap((r) => r.ops), ...this.undone]) {
      if ('ref' in later && later.ref === before) {
        const knows = later.kind === 'edit' ? follows(later, op) : op.kind === 'create' || op.kind === 'edit';
        if (knows && (later.kind === 'edit' || later.kind === 'delete')) later.version = result.version;
        later.ref = result.id;
      }
      if ('after' in later && later.after === before) later.after = result.id;
    }
  }

  /** unsaved counts what the server has yet to get. */
  get unsaved(): number {
    return this.saved().length - this.asides.length;
  }

  /** saved returns what has to survive a reload. A new row without text is nothing. */
  saved(): Op[] {
    return this.ops.filter((op) => op.kind !== 'create' || op.tried || !isBlank(op.content));
  }

  /** waitsFor reports whether an operation before it has to be confirmed first. */
  waitsFor(op: Op, blocked: (earlier: Op) => boolean): boolean {
    if (!('ref' in op)) return false;
    for (const earlier of this.ops) {
      if (earlier === op) return false;
      if ('ref' in earlier && earlier.ref === op.ref && blocked(earlier)) return true;
    }
    return false;
  }

  /** Whether an item has a name of the server, or will get one by an earlier operation. */
  isKnown(op: Op): boolean {
    return !('ref' in op) || op.kind === 'create' || !isLocal(op.ref);
  }
}

/** follows reports whether an edit began from the text of an operation, and not beside it in another tab. */
function follows(later: Edit, op: Op): op is Create | Edit {
  return (op.kind === 'edit' || op.kind === 'create') && later.ref === op.ref && later.was === op.content;
}

/** continues is follows for the texts of the specification. */
function continues(later: Text, op: Text): boolean {
  return (Object.keys(op.value) as (keyof Texts)[]).every((field) => later.was[field] === op.value[field]);
}
