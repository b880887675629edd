import { follow, type ChangeEvent } from '../api/events';
import type { Outline } from './outline.svelte';
import { workspace } from './workspace.svelte';

/** Live applies what happens in the open project to the page. */
class Live {
  /** The outline that is shown. */
  outline: Outline | undefined;
  /** The newest revision that the stream has reported; lists of the history follow it. */
  revision = $state(0);
  private project = '';
  private stop: () => void = () => {};
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** watch follows a project; an empty id follows nothing. */
  watch(project: string) {
    if (project === this.project) return;
    this.stop();
    this.project = project;
    this.revision = 0;
    this.stop = () => {};
    if (!project) return;
    this.stop = follow(project, {
      opened: (replays) => {
        if (!replays) void this.compare();
      },
      change: (event) => this.change(event),
      resync: () => void this.compare(),
      gone: () => void workspace.loadProjects(),
    });
  }

  /** compare finds out what happened before the stream was open. */
  private async compare() {
    await workspace.openProject(this.project);
    const { outline } = this;
    const known = workspace.specs?.find((spec) => spec.id === outline?.id);
    if (outline) outline.missed(known?.version ?? null);
  }

  private change(event: ChangeEvent) {
    this.revision = event.revision;
    const id = this.outline?.id;
    const here = event.changes.filter((change) => change.specification_id === id);
    const version = here[0]?.specification_version;
    if (this.outline && version) {
      const items = here.flatMap((change) => change.item_id ?? []);
      this.outline.heard(version, event.actor, items);
    }
    // The lists show titles and counts, which the outline knows for its own specification.
    const lists = event.changes.some(
      (c) => !/^items?\./.test(c.kind) || (c.specification_id !== id && /created|deleted|restored/.test(c.kind)),
    );
    if (lists) this.later();
  }

  private later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), 150);
  }

  private async refresh() {
    // The user may have left the project meanwhile.
    await Promise.all([this.project && workspace.openProject(this.project), workspace.loadProjects()]);
  }
}

export const live = new Live();
