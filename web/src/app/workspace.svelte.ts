import * as calls from '../api/calls';
import { Problem, isTemporary } from '../api/problem';
import type { Project, SpecificationRow } from '../api/types';
import { t } from '../i18n';
import { notices } from './notices.svelte';

/**
 * Workspace has the lists that several parts of the page show: the projects, and the
 * specifications of the open project. The items of a specification are in its store.
 */
class Workspace {
  projects = $state.raw<Project[]>();
  specs = $state.raw<SpecificationRow[]>();
  /** The id of the open project; the list of specifications belongs to it. */
  projectID = $state('');
  readonly project = $derived(this.projects?.find((p) => p.id === this.projectID));
  /** Why the list of projects could not be read. */
  listFailure = $state.raw<unknown>();
  /** Why the open project could not be read. */
  failure = $state.raw<unknown>();

  async loadProjects() {
    try {
      this.projects = await calls.listProjects();
      this.listFailure = undefined;
    } catch (error) {
      this.listFailure = error;
    }
  }

  async openProject(id: string) {
    if (this.projectID !== id) {
      this.projectID = id;
      this.specs = this.failure = undefined;
    }
    try {
      const specs = await calls.listSpecifications(id);
      if (this.projectID !== id) return;
      this.specs = specs;
      this.failure = undefined;
    } catch (error) {
      if (this.projectID === id) this.failure = error;
    }
  }

  async createProject(title: string): Promise<Project> {
    const project = await calls.createProject(title);
    this.projects = [project, ...(this.projects ?? [])];
    return project;
  }

  async trashProject(project: Project) {
    await calls.trashProject(project.id);
    this.projects = this.projects?.filter((p) => p.id !== project.id);
    const restore = async () => {
      await calls.restoreProject(project.id);
      await this.loadProjects();
    };
    notices.show(t.trashed(project.title), { label: t.undo, run: () => void reported(restore) });
  }

  async createSpecification(title: string) {
    const created = await calls.createSpecification(this.projectID, title);
    this.specs = [...(this.specs ?? []).filter((s) => s.id !== created.id), created];
    return created;
  }

  async trashSpecification(spec: SpecificationRow) {
    await calls.trashSpecification(spec.id);
    this.specs = this.specs?.filter((s) => s.id !== spec.id);
    const restore = async () => {
      await calls.restoreSpecification(spec.id);
      await this.openProject(this.projectID);
    };
    notices.show(t.trashed(spec.title), { label: t.undo, run: () => void reported(restore) });
  }

  /** noteProject shows in the lists what a store knows of a project. */
  noteProject(id: string, known: { title: string; description: string }) {
    const row = this.projects?.find((p) => p.id === id);
    if (row?.title === known.title && row.description === known.description) return;
    this.projects = this.projects?.map((p) => (p.id === id ? { ...p, ...known } : p));
  }

  /** noteSpecification shows in the lists what a store knows of a specification. */
  noteSpecification(id: string, known: { title: string; item_count: number }) {
    const row = this.specs?.find((s) => s.id === id);
    if (row?.title === known.title && row.item_count === known.item_count) return;
    this.specs = this.specs?.map((s) => (s.id === id ? { ...s, ...known } : s));
  }
}

/** sentenceOf says to people what went wrong. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Problem) return error.sentence;
  return isTemporary(error) ? t.unreachable : t.loadFailed;
}

/** reported runs a task and shows its failure. It returns whether the task succeeded. */
export async function reported(task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (error) {
    notices.fail(sentenceOf(error));
    return false;
  }
}

export const workspace = new Workspace();
