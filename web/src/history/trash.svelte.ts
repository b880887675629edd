import { restoreProject, restoreSpecification } from '../api/calls';
import * as api from '../api/history';
import type { Project, SpecificationRow } from '../api/types';
import { workspace } from '../app/workspace.svelte';

/** Trashed are the specifications in the trash of a live project. */
interface Trashed {
  project: Project;
  specifications: SpecificationRow[];
}

const atOnce = 4; // requests

/** Trash is what can still be restored, of all projects. */
export class Trash {
  projects = $state.raw<Project[]>();
  specifications = $state.raw<Trashed[]>([]);
  failure = $state.raw<unknown>();

  async load() {
    try {
      const [projects] = await Promise.all([api.listTrashedProjects(), workspace.loadProjects()]);
      if (workspace.listFailure) throw workspace.listFailure;
      this.specifications = await this.ofLiveProjects(workspace.projects ?? []);
      this.projects = projects;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }

  private async ofLiveProjects(live: Project[]): Promise<Trashed[]> {
    const found: Trashed[] = [];
    const waiting = live.entries();
    const work = async () => {
      for (const [n, project] of waiting)
        found[n] = { project, specifications: await api.listTrashedSpecifications(project.id) };
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return found.filter((t) => t.specifications.length > 0);
  }

  async restoreProject(project: Project) {
    await restoreProject(project.id);
    await this.load();
  }

  async restoreSpecification(specification: SpecificationRow) {
    await restoreSpecification(specification.id);
    if (workspace.projectID === specification.project_id) await workspace.openProject(specification.project_id);
    await this.load();
  }
}
