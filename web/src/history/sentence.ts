import type { Change } from '../api/types';
import { language, t } from '../i18n';
import { list, words, type Word, type Words } from '../i18n/words';
import { groupBy, type Revision } from './revisions';

/** Known is what the page knows of a specification that a change names. */
export interface Known {
  number: number;
  title: string;
  /** Without a path, it is not there any more. */
  path?: string;
}

/** Find returns what is known of a specification. */
export type Find = (id: string) => Known | undefined;

const maxItems = 3;
const maxParts = 4;

export interface Context {
  find: Find;
  /** The place of an item that moved alone. */
  place?: number | undefined;
  /** The specification that the reader looks at; it is not named. */
  within?: string | undefined;
}

/** sentenceOf says what a revision changed, without the name of the person. */
export function sentenceOf(revision: Revision, context: Context): Words {
  const parts = partsOf(revision.changes, context);
  const shown = parts.length > maxParts ? parts.slice(0, maxParts - 1) : parts;
  const more = parts.length - shown.length;
  return list(more > 0 ? [...shown, t.past.moreChanges(more)] : shown, language);
}

function partsOf(changes: Change[], context: Context): Words[] {
  const across = movesAcross(changes);
  const others = changes.toReversed().filter((c) => !across.has(c.item_id ?? ''));
  const groups = [...groupBy(others, (c) => `${c.kind} ${specOf(c)}`).values()];
  const parts = withCreations(groups, context);
  for (const moves of groupBy(across.values(), ([from, to]) => specOf(from) + specOf(to)).values()) {
    const [from, to] = moves[0] as [Change, Change];
    const entered = moves.map((move) => move[1]);
    const named: Context = { find: context.find };
    parts.push(t.past.didMoveItemsAcross(itemsOf(entered, named), nameOf(from, named), nameOf(to, named)));
  }
  return parts;
}

const specOf = (change: Change) => change.specification_id ?? '';

/** movesAcross finds the items that moved to another specification: two changes each. */
function movesAcross(changes: Change[]): Map<string, [from: Change, to: Change]> {
  const moves = changes.filter((c) => c.kind === 'item.moved').toReversed();
  const across = new Map<string, [Change, Change]>();
  for (const [item, [from, to]] of groupBy(moves, (c) => c.item_id ?? ''))
    if (from && to && specOf(from) !== specOf(to)) across.set(item, [from, to]);
  return across;
}

/** withCreations says "created A with items 1.1 and 1.2" where both were one request. */
function withCreations(groups: Change[][], context: Context): Words[] {
  const kindOf = (group: Change[]) => group[0]?.kind;
  const merged = new Set<Change[]>();
  return groups.flatMap((group) => {
    if (merged.has(group)) return [];
    const [first] = group as [Change];
    const items = groups.find((g) => kindOf(g) === 'item.created' && specOf(g[0] as Change) === specOf(first));
    if (first.kind !== 'specification.created' || !items) return [part(group, context)];
    merged.add(items);
    return [
      t.past.didCreateSpecWith(
        itemsOf(items, context),
        context.within === specOf(first) ? undefined : nameOf(first, context),
      ),
    ];
  });
}

/** part says what changes of one kind did to one specification. */
function part(group: Change[], context: Context): Words {
  const [first] = group as [Change];
  const texts = t.past;
  const spec = context.within === first.specification_id ? undefined : nameOf(first, context);
  const items = itemsOf(group, context);
  switch (first.kind) {
    case 'project.created':
      return texts.didCreateProject;
    case 'project.changed':
      return texts.didChangeProject;
    case 'project.trashed':
      return texts.didTrashProject;
    case 'project.restored':
      return texts.didRestoreProject;
    case 'specification.created':
      return texts.didCreateSpec(spec);
    case 'specification.changed':
      return texts.didChangeSpec(spec);
    case 'specification.trashed':
      return texts.didTrashSpec(spec);
    case 'specification.restored':
      return texts.didRestoreSpec(spec);
    case 'item.created':
      return texts.didAddItems(items, spec);
    case 'item.changed':
      return texts.didChangeItems(items, spec);
    case 'item.moved':
      if (context.place === undefined || group.length > 1) return texts.didMoveItems(items, spec);
      return texts.didMoveItemTo(items, context.place, spec);
    case 'item.deleted':
      return texts.didDeleteItems(items, spec);
    case 'item.restored':
      return texts.didRestoreItems(items, spec);
    case 'items.reordered':
      return texts.didReorder(spec);
    default:
      return texts.moreChanges(group.length); // a kind that a later server knows
  }
}

function nameOf(change: Change, { find }: Context): Words {
  const known = find(specOf(change));
  if (!known) return words`${t.past.deletedSpec}`;
  const word: Word = { text: known.title, title: true };
  if (known.path) word.path = known.path;
  return [word];
}

function itemsOf(group: Change[], { find }: Context): Words {
  const refs = group.map((change): Words => {
    const known = find(specOf(change));
    const word: Word = { text: change.ref ?? t.past.deletedItem };
    if (known?.path && change.ref) word.path = `${known.path}#${change.ref}`;
    return [word];
  });
  if (refs.length > maxItems) return t.past.manyItems(refs.length);
  return refs.length === 1 ? t.past.oneItem(refs[0] ?? []) : t.past.someItems(list(refs, language));
}

/** actorOf is the name of the person or bot. */
export function actorOf(actor: Change['actor']): string {
  if (actor.name === null) return actor.id === null ? t.past.databaseAdmin : t.past.formerUser;
  return actor.name;
}
