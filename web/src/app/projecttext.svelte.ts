import type { Op, Texts } from '../store/ops';
import { conflictOf, type Conflict } from '../store/rebase';
import type { SpecStore } from '../store/spec';
import { sync } from './sync.svelte';
import { workspace } from './workspace.svelte';

/** ProjectText shows the store of a project, its title and description, to components. */
export class ProjectText {
  title = $state('');
  /** The description. */
  content = $state('');
  /** Why the server rejected a text. */
  failure = $state<string>();
  conflict = $state.raw<(Conflict & { op: Op }) | undefined>();
  private readonly store: SpecStore;
  private readonly viewer = { changed: () => this.read() };

  constructor(private readonly id: string) {
    this.store = sync.view(id, id, this.viewer);
    this.read();
  }

  close() {
    sync.outbox?.leave(this.id, this.viewer);
  }

  /** read takes the list's texts until the store has its own. */
  private read() {
    const { base, queue } = this.store;
    const listed = workspace.projects?.find((p) => p.id === this.id);
    const known = base ?? { title: listed?.title ?? '', content: listed?.description ?? '' };
    const op = queue.ops.findLast((op) => op.kind === 'text');
    this.title = op?.value.title ?? known.title;
    this.content = op?.value.content ?? known.content;
    this.failure = op?.failure;
    this.conflict = undefined;
    if (!base) return;
    const conflicts = queue.ops.map((op) => ({ op, ...conflictOf(op, base, queue) }));
    this.conflict = conflicts.find((conflict): conflict is Conflict & { op: Op } => 'theirs' in conflict);
    if (base.version >= (listed?.version ?? 0))
      workspace.noteProject(this.id, { title: this.title, description: this.content });
  }

  /** heard takes the version of the project that a list has. */
  heard(version: number) {
    this.store.heard(version);
  }

  write(texts: Texts, seen: Texts = {}) {
    this.store.text(texts, seen);
  }

  settle = () => this.store.settle();
  keepMine = (conflict: { op: Op }) => this.store.keepMine(conflict.op);
  takeTheirs = (conflict: { op: Op }) => this.store.takeTheirs(conflict.op);
}
