import { Problem } from '../api/problem';
import type { Project } from '../api/types';
import { sentenceOf, workspace } from './workspace.svelte';

interface Draft {
  text: string;
  /** The state from which the edit began. */
  before: string;
  version: number;
}

/**
 * ProjectText is the description of a project with the user's unsaved edit. The edit is in
 * the session storage, so it survives a reload and a failure of the server.
 */
export class ProjectText {
  private draft = $state.raw<Draft>();
  failure = $state('');
  conflict = $state(false);

  constructor(private readonly id: string) {
    const stored = sessionStorage.getItem(this.name);
    if (stored) this.draft = JSON.parse(stored) as Draft;
  }

  private get name() {
    return `description-${this.id}`;
  }

  private get project(): Project | undefined {
    return workspace.projects?.find((p) => p.id === this.id);
  }

  get unsaved() {
    return this.draft !== undefined;
  }

  get theirs() {
    return this.project?.description ?? '';
  }

  get text() {
    return this.draft?.text ?? this.theirs;
  }

  write(text: string) {
    const { before, version } = this.draft ?? { before: this.theirs, version: this.project?.version ?? 0 };
    this.draft = { text, before, version };
    sessionStorage.setItem(this.name, JSON.stringify(this.draft));
  }

  drop() {
    this.draft = undefined;
    this.failure = '';
    this.conflict = false;
    sessionStorage.removeItem(this.name);
  }

  async save() {
    const { draft } = this;
    if (!draft) return;
    if (draft.text === this.theirs) return this.drop();
    this.failure = '';
    try {
      await workspace.describeProject(this.id, draft.text, draft.version);
      if (this.draft === draft) this.drop();
    } catch (error) {
      if (error instanceof Problem && error.status === 412) await this.compare();
      else this.failure = sentenceOf(error);
    }
  }

  /** compare reads what the server has. Another title does not matter; another text is shown. */
  private async compare() {
    await workspace.loadProjects();
    const [draft, project] = [this.draft, this.project];
    if (!draft || !project) return;
    this.draft = { text: draft.text, before: project.description, version: project.version };
    this.conflict = ![draft.text, draft.before].includes(project.description);
    if (!this.conflict) await this.save();
  }

  /** keep replaces the text of the server, which the user has seen. */
  async keep() {
    this.conflict = false;
    await this.save();
  }
}
