import { account } from './en.account';

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

/** The texts of the workspace in English. */
export const en = {
  ...account,

  // Words
  projects: 'Projects',
  project: 'Project',
  specification: 'Specification',
  specifications: 'Specifications',
  item: 'Item',
  search: 'Search',
  trash: 'Trash',
  history: 'History',
  account: 'Account',
  justNow: 'just now',
  cancel: 'Cancel',
  close: 'Close',
  rename: 'Rename',
  edit: 'Edit',
  undo: 'Undo',
  retry: 'Try again',
  reference: 'API reference',
  menu: 'Menu',
  skip: 'Skip to content',
  navigation: 'Navigation',
  loading: 'Loading…',
  actionsOf: (name: string) => `Actions for ${name}`,
  specificationCount: (n: number) => plural(n, 'specification', 'specifications'),
  itemCount: (n: number) => plural(n, 'item', 'items'),

  // Session
  welcome: 'A calm place for requirements',
  welcomeText:
    'Projects hold specifications, specifications hold items. Every change is kept, everyone sees it at once, and code can cite each item by its number.',
  signIn: 'Sign in with Google',
  signOut: 'Sign out',
  signInFailed: 'The sign-in did not work. Please try again.',
  signInDenied: 'You declined the sign-in at Google.',
  sessionOver: 'Your session has ended',
  sessionOverText: 'Sign in again to go on. This page stays as it is, and what you typed is kept.',
  unreachable: 'The server cannot be reached',
  unreachableText: 'This page tries again by itself. What you typed is kept on this device.',

  // Projects
  newProject: 'New project',
  projectTitle: 'Title of the project',
  createProject: 'Create project',
  noProjects: 'Your first project',
  noProjectsText:
    'A project holds the requirements of one product or service. Give it a name; you can change it at any time.',
  toTrash: 'Move to trash',
  trashed: (name: string) => `“${name}” is in the trash.`,
  projectGone: 'There is no such project',
  projectGoneText: 'It was moved to the trash, or the address is wrong.',
  description: 'Description',
  addDescription: 'Add a description',
  updated: (when: string) => `changed ${when}`,

  // Specifications
  newSpecification: 'New specification',
  specificationTitle: 'Title of the specification',
  createSpecification: 'Create specification',
  noSpecifications: 'Nothing specified yet',
  noSpecificationsText:
    'A specification describes one part of the product, such as “Refunds”, and lists what must be true as items.',

  // Failures
  pageGone: 'There is no such page',
  pageGoneText: 'The address is wrong, or what was here is gone.',
  toProjects: 'To your projects',
  loadFailed: 'This could not be loaded',
};

export type Texts = typeof en;
