import type { Component } from 'svelte';
import Baselines from '../screens/Baselines.svelte';
import Account from '../screens/account/Account.svelte';
import Events from '../screens/admin/Events.svelte';
import Users from '../screens/admin/Users.svelte';
import Project from '../screens/Project.svelte';
import ProjectHistory from '../screens/ProjectHistory.svelte';
import Projects from '../screens/Projects.svelte';
import Search from '../screens/Search.svelte';
import Specification from '../screens/Specification.svelte';
import SpecificationHistory from '../screens/SpecificationHistory.svelte';
import Trash from '../screens/Trash.svelte';
import SpecificationByID from '../screens/SpecificationByID.svelte';
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
  { path: '/p/:project/specification/:id', screen: SpecificationByID, title: t.specification },
  { path: '/search', screen: Search, title: t.search },
  { path: '/account', screen: Account, title: t.account },
  { path: '/account/:part', screen: Account, title: t.account },
  { path: '/admin', screen: Users, title: t.administration },
  { path: '/admin/events', screen: Events, title: t.auditEvents },
];
