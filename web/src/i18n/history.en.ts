import { words, type Words } from './words';

const it = words`the specification`;
const of = (spec?: Words) => (spec ? words` of ${spec}` : '');
const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

/** The texts of history, baselines and trash in English. */
export const historyEn = {
  // What a revision did; the name of the person stands before it. Without a specification,
  // the reader knows which one.
  didCreateProject: words`created the project`,
  didChangeProject: words`changed title or description of the project`,
  didTrashProject: words`moved the project to the trash`,
  didRestoreProject: words`took the project out of the trash`,
  didCreateSpec: (spec?: Words) => words`created ${spec ?? it}`,
  didCreateSpecWith: (items: Words, spec?: Words) => words`created ${spec ?? it} with ${items}`,
  didChangeSpec: (spec?: Words) => words`changed the text${of(spec)}`,
  didTrashSpec: (spec?: Words) => words`moved ${spec ?? it} to the trash`,
  didRestoreSpec: (spec?: Words) => words`took ${spec ?? it} out of the trash`,
  didAddItems: (items: Words, spec?: Words) => words`added ${items}${spec ? words` to ${spec}` : ''}`,
  didChangeItems: (items: Words, spec?: Words) => words`changed ${items}${of(spec)}`,
  didMoveItems: (items: Words, spec?: Words) => words`moved ${items}${of(spec)}`,
  didMoveItemTo: (items: Words, place: number, spec?: Words) =>
    words`moved ${items}${of(spec)} to place ${place}`,
  didMoveItemsAcross: (items: Words, from: Words, to: Words) => words`moved ${items} from ${from} to ${to}`,
  didDeleteItems: (items: Words, spec?: Words) => words`deleted ${items}${of(spec)}`,
  didRestoreItems: (items: Words, spec?: Words) => words`brought back ${items}${of(spec)}`,
  didReorder: (spec?: Words) => words`changed the order of the items${of(spec)}`,
  oneItem: (ref: Words) => words`item ${ref}`,
  someItems: (refs: Words) => words`items ${refs}`,
  manyItems: (n: number) => words`${n} items`,
  moreChanges: (n: number) => words`${plural(n, 'more change', 'more changes')}`,
  deletedSpec: 'a specification that is gone',
  deletedItem: 'that is gone',
  formerUser: 'A deleted account',
  databaseAdmin: 'An administrator',
  byToken: (token: string) => `by token ${token}`,

  // History
  historyOf: (title: string) => `History of ${title}`,
  changes: 'Changes',
  baselines: 'Baselines',
  allSpecifications: 'All specifications',
  onlyOf: 'Only changes of',
  inTrash: (title: string) => `${title} (in the trash)`,
  showOlder: 'Show older changes',
  thatIsAll: 'That is the beginning.',
  noHistory: 'Nothing has happened yet',
  noHistoryText: 'Each change of this project will be listed here, with who made it and when.',
  historyExpired: 'This state can no longer be read',
  historyExpiredText: 'Its history was deleted, or is older than what is kept.',
  restoreState: 'Restore this state',
  undoRevision: 'Undo this revision',
  compareNow: 'Compare with now',
  restoreTitle: (state: string) => `Restore ${state}?`,
  restoreProjectText: (title: string) =>
    `${title} and all its specifications become what they were. Specifications created since move to the trash. This is a new revision, so you can undo it.`,
  restored: (state: string) => `${state} is restored.`,
  undone: (revision: string) => `${revision} is undone.`,
  nothingToUndo: (revision: string) => `${revision} changed nothing that is still there.`,
  cannotUndo: (revision: string) => `${revision} cannot be undone`,
  cannotUndoText: 'Later revisions changed the same things. Undo them first, or restore a whole state:',
  cannotUndoMore: 'There are more than these.',
  changedMeanwhile: 'The specification was changed meanwhile. Look again before you restore.',
  bringBack: 'Bring back',
  bringBackItem: (ref: string) => `Bring back item ${ref}`,
  broughtBack: (ref: string) => `Item ${ref} is back.`,

  // Differences
  added: 'added',
  removed: 'removed',
  changed: 'changed',
  toTrashThen: 'moved to the trash',
  fromPlace: (from: number, to: number) => `moved from place ${from} to ${to}`,
  place: (n: number) => `place ${n}`,
  text: 'Text',
  title: 'Title',
  nothingChanged: 'There is no difference.',
  sameAsNow: 'This version and now are the same.',
  unchangedItems: (n: number) => plural(n, 'unchanged item', 'unchanged items'),
  showDifferences: 'Show what changed',
  tooManyToShow: (n: number) =>
    `${plural(n, 'specification', 'specifications')} differ. Open one to see how.`,

  // Versions of a specification
  versions: 'Versions',
  version: (n: number) => `Version ${n}`,
  now: 'Now',
  currentVersion: 'now',
  compareWithNow: (n: number) => `Compare version ${n} with now`,
  chooseVersion: 'Choose a version to see it beside now.',
  backToVersions: 'All versions',
  openOnPage: 'Open on a page of its own',
  specGone: 'There is no such specification',
  specGoneText: 'It was moved to the trash, or the address is wrong.',
  notThere: 'not there',

  // Baselines
  newBaseline: 'New baseline',
  baselineName: 'Name, such as “1.0”',
  createBaseline: 'Create baseline',
  noBaselines: 'No baselines yet',
  noBaselinesText:
    'A baseline is a name for the project as it is at one moment, such as “1.0” or “Approved”. You can compare and restore it later, and its history does not expire.',
  baselineMade: (name: string) => `Baseline “${name}” created.`,
  madeBy: (who: string, when: string) => `by ${who}, ${when}`,
  copyDigest: (name: string) => `Copy the digest of ${name}`,
  copied: 'Copied.',
  deleteBaseline: 'Delete baseline',
  deleteBaselineTitle: (name: string) => `Delete baseline “${name}”?`,
  deleteBaselineText:
    'The name is deleted for good. The revision stays in the history, but may expire from now on.',
  baselineDeleted: (name: string) => `Baseline “${name}” is deleted.`,
  sinceBaseline: (name: string) => `What changed since “${name}”`,
  copy: 'Copy',
  isNow: 'as it is now',

  // Trash
  trashIntro:
    'What is in the trash can be restored. It is deleted for good 30 days after it came here, unless the operator of the server has set another time.',
  trashEmpty: 'The trash is empty',
  trashEmptyText: 'Projects and specifications that you move to the trash are here until they are restored.',
  trashedSince: 'in the trash since',
  restore: 'Restore',
  open: 'Open',
  restoreThing: (title: string) => `Restore ${title}`,
  trashedProjects: 'Projects',
  trashedSpecifications: (project: string) => `Specifications of ${project}`,
};
