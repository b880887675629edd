import type { SpecificationRow } from '../api/types';
import type { Find, Known } from './sentence';

/** finder returns what a project knows of its specifications, the trash included. */
export function finder(project: string, live: SpecificationRow[], trashed: SpecificationRow[]): Find {
  const known = new Map<string, Known>();
  for (const s of trashed) known.set(s.id, { number: s.number, title: s.title });
  for (const s of live) known.set(s.id, { number: s.number, title: s.title, path: `/p/${project}/${s.number}` });
  return (id) => known.get(id);
}
