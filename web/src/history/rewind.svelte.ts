import * as api from '../api/history';
import { Problem } from '../api/problem';
import { notices } from '../app/notices.svelte';
import { session } from '../app/session.svelte';
import { sentenceOf } from '../app/workspace.svelte';
import { t } from '../i18n';
import { conflictingRevisions, revisionsOf, type Revision } from './revisions';

/** Conflict is why a revision cannot be undone: what later ones changed. */
export interface Conflict {
  undone: string;
  revisions: Revision[];
  /** Whether there are more than these. */
  more: boolean;
  detail: string;
}

interface Host {
  project: string;
  /** Sends the target, and returns how to recognize the revision that it made. */
  send: (target: api.Target) => Promise<(revision: Revision) => boolean>;
  /** Reads the list of revisions anew, and returns it. */
  refresh: () => Promise<Revision[]>;
  /** The newest revision that the page knows. */
  newest: () => number;
}

/** Rewind restores states and undoes revisions, and offers to undo just that. */
export class Rewind {
  conflict = $state.raw<Conflict>();
  busy = $state(false);

  constructor(private readonly host: Host) {}

  undo(revision: string) {
    return this.run({ undo: revision }, t.past.undone(revision), revision);
  }

  restore(state: string, name: string) {
    return this.run({ to: state }, t.past.restored(name), name);
  }

  /** run reports whether the request succeeded. */
  private async run(target: api.Target, text: string, name: string): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    const before = this.host.newest();
    try {
      const isMade = await this.host.send(target);
      const made = (await this.host.refresh()).find(
        (r) => r.revision > before && r.actor.id === session.user?.id && isMade(r),
      );
      if (!made) notices.show(t.past.nothingToUndo(name));
      else notices.show(text, { label: t.undo, run: () => void this.undo(`r${made.revision}`) });
      return true;
    } catch (error) {
      await this.fail(error, target);
      return false;
    } finally {
      this.busy = false;
    }
  }

  private async fail(error: unknown, target: api.Target) {
    if (!(error instanceof Problem)) return notices.fail(sentenceOf(error));
    if (error.code === 'precondition_failed') {
      notices.fail(t.past.changedMeanwhile);
      await this.host.refresh();
    } else if (error.code === 'undo_conflict' && 'undo' in target) {
      await this.explain(error.sentence, target.undo);
    } else notices.fail(sentenceOf(error));
  }

  private async explain(detail: string, undone: string) {
    const { revisions, more } = conflictingRevisions(detail);
    const last = Math.max(...revisions, 0);
    const found = await api.changesBetween(this.host.project, Number(undone.slice(1)), last).catch(() => []); // then the detail says enough
    this.conflict = {
      undone,
      detail,
      more,
      revisions: revisionsOf(found).filter((r) => revisions.includes(r.revision)),
    };
  }
}

/** rewindOfProject works on a project and everything in it. */
export const rewindOfProject = (project: string, host: Pick<Host, 'refresh' | 'newest'>) =>
  new Rewind({
    ...host,
    project,
    send: async (target) => {
      const { revision } = await api.rewindProject(project, target);
      return (made) => made.revision === revision;
    },
  });
