import { newID } from '../api/locks';
import type { Actor } from '../api/types';
import { t } from '../i18n';
import { fold, isBlank, type Op, type Ref } from '../store/ops';
import { conflictOf, type Conflict } from '../store/rebase';
import type { SpecStore } from '../store/spec';
import { notices } from './notices.svelte';
import { session } from './session.svelte';
import { sync } from './sync.svelte';
import { workspace } from './workspace.svelte';

/** Row is one item as the page shows it. Its key stays when the server names the item. */
export interface Row {
  key: Ref;
  /** The id of the server, if there is one. */
  id: string | undefined;
  /** Such as 3.2; empty until the server has numbered the item. */
  ref: string;
  content: string;
  version: number;
  failure: string | undefined;
  conflict: (Conflict & { op: Op }) | undefined;
  /** The other user, or other page, that has just changed it. */
  by: string | undefined;
}

/** Outline shows the store of one specification to components. */
export class Outline {
  rows = $state.raw<Row[]>([]);
  title = $state('');
  content = $state('');
  loaded = $state(false);
  gone = $state(false);
  number = $state(0);
  /** Why the server rejected the title or the text. */
  failure = $state<string>();
  /** A conflict about the title or the text of the specification itself. */
  conflict = $state.raw<(Conflict & { op: Op }) | undefined>();
  private readonly store: SpecStore;
  private readonly viewer = { changed: () => this.read(), report: this.report.bind(this) };
  private readonly keys = new Map<string, Ref>();
  private readonly changedBy = new Map<string, string>();
  /** The row that is edited. It stays if others delete it. */
  edited: Ref | null = null;
  private kept: Ref | undefined;
  private foreign: { version: number; actor: Actor; items: string[] }[] = [];

  constructor(
    readonly id: string,
    readonly project: string,
  ) {
    this.store = sync.view(id, project, this.viewer);
    this.read();
  }

  close() {
    sync.outbox?.leave(this.id, this.viewer);
  }

  private report(what: 'undo-failed' | 'nothing-to-undo' | 'deletion-dropped') {
    if (what === 'undo-failed') notices.fail(t.undoFailed);
    else notices.show(what === 'nothing-to-undo' ? t.nothingToUndo : t.deletionDropped);
  }

  private read() {
    const { base, queue, gone, names } = this.store;
    this.gone = gone !== undefined;
    if (!base) return;
    for (const [local, id] of names) this.keys.set(id, local);
    this.noteForeign();
    const before = new Map(this.rows.map((row) => [row.key, row]));
    const conflicts = new Map<Ref | undefined, Conflict & { op: Op }>();
    const failures = new Map<Ref | undefined, string>();
    for (const op of queue.ops) {
      const conflict = conflictOf(op, base, queue);
      const ref = 'ref' in op ? op.ref : undefined;
      if (conflict && !conflicts.has(ref)) conflicts.set(ref, { ...conflict, op });
      if (op.failure) failures.set(ref, op.failure);
    }
    const entries = fold(base.items, queue.ops);
    this.rows = withDeleted(entries, conflicts).map(({ ref, content, item }) => {
      const key = this.keys.get(ref) ?? ref;
      const row: Row = {
        key,
        id: item?.id,
        ref: item?.ref ?? '',
        content,
        version: item?.version ?? 0,
        failure: failures.get(ref),
        conflict: conflicts.get(ref),
        by: item && this.changedBy.get(item.id),
      };
      const old = before.get(key);
      return old && same(old, row) ? old : row;
    });
    this.keepEdited([...before.values()], base.version);
    const text = queue.ops.findLast((op) => op.kind === 'text')?.value;
    this.title = text?.title ?? base.title;
    this.content = text?.content ?? base.content;
    this.number = base.number;
    this.conflict = conflicts.get(undefined);
    this.failure = failures.get(undefined);
    this.loaded = true;
    const count = this.rows.filter((row) => !isBlank(row.content)).length;
    workspace.noteSpecification(this.id, { title: this.title, item_count: count });
  }

  /** keepEdited keeps the row that is edited when it disappears, unless this page has removed it. */
  private keepEdited(before: Row[], version: number) {
    const at = before.findIndex((row) => row.key === this.edited);
    const row = before[at];
    if (!row?.id || this.rows.some((r) => r.key === row.key)) this.kept = undefined;
    else if (this.kept === row.key || !this.store.own.has(version)) {
      this.kept = row.key;
      this.rows = this.rows.toSpliced(at, 0, row);
    }
  }

  /** heard takes an event about this specification. */
  heard(version: number, actor: Actor, items: string[]) {
    this.foreign.push({ version, actor, items });
    this.store.heard(version);
    this.read();
  }

  /** missed is for a stream that has lost events. */
  missed(version: number | null) {
    this.store.heard(version);
  }

  /** noteForeign marks what others have changed, once it is known what was our own. */
  private noteForeign() {
    if (this.store.running || this.foreign.length === 0) return;
    const news = this.foreign.filter((event) => !this.store.own.has(event.version));
    this.foreign = [];
    for (const { actor, items } of news) {
      const name = actor.id === session.user?.id ? t.otherWindow : (actor.name ?? t.someone);
      for (const id of items) this.changedBy.set(id, name);
      notices.say(t.changedBy(name));
      setTimeout(() => {
        for (const id of items) this.changedBy.delete(id);
        this.read();
      }, 5000);
    }
  }

  /** add makes an empty row behind another one, and returns its key. */
  add(after: Ref | null): Ref {
    const key = `new-${newID()}`;
    this.store.create(key, '', after, newID());
    return key;
  }

  type(row: { key: Ref }, content: string, seen: { content: string; version: number }) {
    this.store.edit(row.key, content, seen);
  }

  move(key: Ref, by: number) {
    const others = this.rows.filter((row) => row.key !== key);
    const at = this.rows.findIndex((row) => row.key === key);
    const to = Math.max(0, Math.min(others.length, at + by));
    if (to !== at) this.moveTo(key, to);
  }

  /** moveTo puts a row to a place among the others. */
  moveTo(key: Ref, to: number) {
    const others = this.rows.filter((row) => row.key !== key);
    this.store.move(key, others[to - 1]?.key ?? null);
    notices.say(t.movedTo(to + 1, this.rows.length));
  }

  remove(row: Row) {
    this.store.delete(row.key);
    if (!isBlank(row.content)) notices.show(t.deleted, { label: t.undo, run: () => this.undo() });
  }

  rename(title: string, seen = this.title) {
    // The heading that a new specification begins with follows its title.
    const heading = `# ${this.title}\n`;
    const follows = this.content.startsWith(heading);
    const texts = follows ? { title, content: `# ${title}\n${this.content.slice(heading.length)}` } : { title };
    this.store.text(texts, { title: seen });
  }

  write(content: string, seen = this.content) {
    this.store.text({ content }, { content: seen });
  }

  settle = () => this.store.settle();
  undo = () => this.store.undo();
  isUndoing = () => this.store.isUndoing;
  redo = () => this.store.redo();

  keepMine = (conflict: { op: Op }) => this.store.keepMine(conflict.op);
  takeTheirs = (conflict: { op: Op }) => this.store.takeTheirs(conflict.op);
}

type Entry = ReturnType<typeof fold>[number];

/** withDeleted adds the rows that others have deleted while they were edited here. */
function withDeleted(entries: Entry[], conflicts: Map<Ref | undefined, Conflict & { op: Op }>): Entry[] {
  const lost = [...conflicts.values()].filter(({ op, theirs }) => theirs === null && op.kind === 'edit');
  return [
    ...entries,
    ...lost.map(({ op }) => ({
      ref: (op as Op & { ref: Ref }).ref,
      content: (op as { content: string } & Op).content,
    })),
  ];
}

function same(a: Row, b: Row): boolean {
  const parts = ['id', 'ref', 'content', 'version', 'failure', 'by'] as const;
  return (
    parts.every((p) => a[p] === b[p]) &&
    a.conflict?.op === b.conflict?.op &&
    a.conflict?.theirs?.content === b.conflict?.theirs?.content
  );
}
