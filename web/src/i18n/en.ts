import { historyEn } from './en.history';
import { account } from './en.account';

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
const count = (n: number) => n.toLocaleString('en');

/** The texts of the workspace in English. */
export const en = {
  // History, baselines and trash
  past: historyEn,
  ...account,

  // Words
  projects: 'Projects',
  project: 'Project',
  specification: 'Specification',
  specifications: 'Specifications',
  search: 'Search',
  trash: 'Trash',
  history: 'History',
  account: 'Account',
  justNow: 'just now',
  cancel: 'Cancel',
  close: 'Close',
  notices: 'Messages',
  closeNotice: (text: string) => `Close: ${text}`,
  rename: 'Rename',
  edit: 'Edit',
  undo: 'Undo',
  retry: 'Try again',
  reference: 'API reference',
  skip: 'Skip to content',
  brief: { offline: 'Offline', busy: 'Waiting', 'signed-out': 'Waiting', conflict: 'Decide' },
  navigation: 'Navigation',
  loading: 'Loading…',
  actionsOf: (name: string) => `Actions for ${name}`,
  specificationCount: (n: number) => plural(n, 'specification', 'specifications'),
  itemCount: (n: number) => plural(n, 'item', 'items'),

  // Session
  welcome: 'A calm place for requirements',
  welcomeText:
    'Projects hold specifications, specifications hold items. Every change is kept, all windows show it at once, and code can cite each item by its number.',
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
  descriptionText: 'Description of the project, as Markdown',
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

  // Outline
  newItem: 'New item',
  itemText: 'Text of the item',
  outline: 'Items',
  noItems: 'What must be true?',
  noItemsText: 'Write one requirement a line. Press Enter for the next one.',
  contentText: 'Description of the specification, as Markdown',
  addContent: 'Describe what this is about',
  specificationGone: 'There is no such specification',
  specificationGoneText: 'It was moved to the trash, or the address is wrong.',
  movedTo: (place: number, of: number) => `Moved to place ${place} of ${of}.`,
  moveUp: 'Move up',
  moveDown: 'Move down',
  addBelow: 'Add below',
  delete: 'Delete',
  deleted: 'Item deleted.',
  drag: 'Drag to move',
  nothingToUndo: 'There is nothing to undo in this window. The history has the rest.',
  undoFailed: 'This cannot be undone, because it was changed again since.',
  deletionDropped: 'This item has just been changed elsewhere, so it was not deleted.',
  otherWindow: 'You, elsewhere',
  someone: 'Another user',
  changedBy: (name: string) => `Changed by ${name}.`,
  notSaved: 'Not saved',
  tooLong: (by: number, max: number) =>
    `${plural(by, 'character', 'characters')} too long: at most ${count(max)} are allowed.`,
  notStorable: (code: string, at: number) => `The character ${code} at position ${count(at)} cannot be stored.`,
  remove: 'Remove',
  copyRef: 'Copy the number',
  copied: (what: string) => `${what} is copied.`,
  copyFailed: (what: string) => `The browser did not allow copying. The number is ${what}.`,

  // Conflicts
  conflictTitle: 'Two versions of this text',
  conflictDeleted: 'This item was deleted elsewhere while you wrote',
  mine: 'Your text',
  theirs: 'On the server',
  keepMine: 'Keep mine',
  takeTheirs: 'Take theirs',
  restoreItem: 'Keep mine and restore',
  acceptDeletion: 'Delete it',
  tookTheirs: 'Your text was put aside. It is at the top of the page.',
  putAside: (title: string) => `Put aside: your text of “${title}”`,
  discardText: 'Discard this text',
  mineBack: 'Use my text',
  stranded: 'Not sent: the specification of these texts is in the trash, or gone',
  discardTexts: 'Discard these texts',

  // State of saving
  saved: 'Saved',
  saving: 'Saving…',
  offline: (n: number) => (n ? `Offline: ${plural(n, 'change', 'changes')} kept on this device` : 'Offline'),
  busy: (n: number) =>
    n ? `The server is busy: ${plural(n, 'change', 'changes')} kept on this device` : 'The server is busy',
  waiting: (n: number) => `${plural(n, 'change', 'changes')} kept on this device`,
  undecided: (n: number) => plural(n, 'change needs you', 'changes need you'),
  notStored: 'This browser stores nothing. Edits are not kept if this page closes before they are saved.',

  // Palette and keys
  palette: 'Search and commands',
  palettePlaceholder: 'Search requirements, or type a command',
  nothingFound: 'Nothing found',
  commands: 'Commands',
  found: 'Found',
  goTo: 'Go to',
  keys: 'Keyboard',
  allKeys: 'All keys',
  resultCount: (n: number) => plural(n, 'result', 'results'),
  signOutUnsaved: (n: number) => `${plural(n, 'change is', 'changes are')} not at the server yet`,
  signOutUnsavedText: 'They are kept on this device only. If you sign out now, they are lost.',
  signOutAnyway: 'Sign out and lose them',
  redo: 'Redo',
  keysEverywhere: 'Everywhere',
  keysList: 'In the list',
  keysEditing: 'While writing',
  keyStep: 'Previous and next item',
  keyMove: 'Move the item',
  keyEnds: 'First and last item',
  keyNext: 'Next item',
  keyLine: 'New line in the item',
  keyLeave: 'Leave the text',
  keyEmpty: 'Delete an empty item',
};

export type Texts = typeof en;
