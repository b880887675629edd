import { call } from './client';
import type { components } from './contract';

export type SearchHit = components['schemas']['SearchHit'];
export type SearchAnswer = components['schemas']['SearchOutBody'];
export type Kind = SearchHit['kind'];

export interface SearchQuery {
  q: string;
  kind?: Kind | '' | undefined;
  project?: string;
}

/** search asks for one page of hits. */
export async function search(query: SearchQuery, size: number, next: string, signal: AbortSignal) {
  const parameters = new URLSearchParams({ q: query.q, page_size: String(size) });
  if (query.kind) parameters.set('kind', query.kind);
  if (query.project) parameters.set('project_id', query.project);
  if (next) parameters.set('page_token', next);
  return (await call<SearchAnswer>('GET', `/search?${parameters}`, { signal })).data;
}

/** numberOf is the number of a specification in its project. */
export const numberOf = async (id: string) => (await call<{ number: number }>('GET', `/specs/${id}`)).data.number;
