import type { Component } from 'svelte';
import Baselines from '../screens/Baselines.svelte';
import Project from '../screens/Project.svelte';
import ProjectHistory from '../screens/ProjectHistory.svelte';
import Projects from '../screens/Projects.svelte';
import Specification from '../screens/Specification.svelte';
import SpecificationHistory from '../screens/SpecificationHistory.svelte';
import Trash from '../screens/Trash.svelte';
import { t } from '../i18n';

export interface Route {
  /** Parts with a colon are parameters. The first route that fits is taken. */
  path: string;
  screen: Component<{ params: Record<string, string> }> | Component;
  /** The title of the window until the screen sets a better one. */
  title: string;
}

/** routes lists all screens. */
export const routes: Route[] = [
  { path: '/', screen: Projects, title: t.projects },
  { path: '/p/:project', screen: Project, title: t.project },
  { path: '/p/:project/history', screen: ProjectHistory, title: t.history },
  { path: '/p/:project/baselines', screen: Baselines, title: t.past.baselines },
  { path: '/p/:project/:spec/history', screen: SpecificationHistory, title: t.history },
  { path: '/trash', screen: Trash, title: t.trash },
  { path: '/p/:project/:spec', screen: Specification, title: t.specification },
];
