import type { Component } from 'svelte';
import Project from '../screens/Project.svelte';
import Projects from '../screens/Projects.svelte';
import Specification from '../screens/Specification.svelte';
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
  { path: '/p/:project/:spec', screen: Specification, title: t.specification },
];
