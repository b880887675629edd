import { call } from './client';
import { creation, pages } from './calls';
import type {
  Baseline,
  Change,
  Item,
  Project,
  ProjectDiff,
  Specification,
  SpecificationDiff,
  SpecificationRow,
} from './types';

const read = async <T>(path: string) => (await call<T>('GET', path)).data;

export interface ChangePage {
  changes: Change[];
  next_page_token: string;
}

/** changePage reads changes of a project, newest first, all or those of a specification. */
export function changePage(project: string, specification: string | undefined, token: string) {
  const query = new URLSearchParams({ page_size: '100' });
  if (specification) query.set('specification_id', specification);
  if (token) query.set('page_token', token);
  return read<ChangePage>(`/projects/${project}/changes?${query}`);
}

/** changesBetween reads the changes after one revision up to another, oldest first. */
export async function changesBetween(project: string, after: number, last: number): Promise<Change[]> {
  const all: Change[] = [];
  let token = '';
  do {
    const query = new URLSearchParams({ page_size: '100', since: `r${after}` });
    if (token) query.set('page_token', token);
    const page = await read<ChangePage>(`/projects/${project}/changes?${query}`);
    all.push(...page.changes);
    token = page.next_page_token;
  } while (token && (all.at(-1)?.revision ?? 0) <= last);
  return all;
}

/** States are revisions such as r12, or versions such as v3; without `to` it is now. */
export const projectDiff = (project: string, from: string, to?: string) =>
  read<ProjectDiff>(`/projects/${project}/diff?from=${from}${to ? `&to=${to}` : ''}`);
export const specificationDiff = (spec: string, from: string, to?: string) =>
  read<SpecificationDiff>(`/specs/${spec}/diff?from=${from}${to ? `&to=${to}` : ''}`);

/** State is a specification with its items. */
export type State = Specification & { items: Item[] };

/** specificationAt reads a specification as it was, or as it is. */
export async function specificationAt(spec: string, at?: string): Promise<State> {
  const state = await read<Specification>(`/specs/${spec}?include=items${at ? `&at=${at}` : ''}`);
  return { ...state, items: state.items ?? [] };
}

export const listTrashedSpecifications = (project: string) =>
  pages<SpecificationRow>(`/projects/${project}/specs?trashed=true&view=summary`, 'specifications');
export const listTrashedProjects = () => pages<Project>('/projects?trashed=true', 'projects');

/** A target is a state to restore, or a revision to take back. */
export type Target = { to: string } | { undo: string };

/** rewindProject restores a state, or takes a revision back. It returns the project after it. */
export const rewindProject = async (project: string, target: Target) =>
  (await call<Project>('POST', `/projects/${project}/restore`, { body: target })).data;

/** rewindSpecification does so if the specification still has the version. */
export const rewindSpecification = async (spec: string, target: Target, version: number) =>
  (
    await call<Specification>('POST', `/specs/${spec}/restore`, {
      body: target,
      headers: { 'If-Match': `"${version}"` },
    })
  ).data;

export const restoreItem = (item: string) => call('POST', `/items/${item}/restore`);

export const listBaselines = (project: string) => pages<Baseline>(`/projects/${project}/baselines`, 'baselines');

/** A baseline is created once, however often the request is sent with the same key. */
export const createBaseline = async (project: string, name: string, key: ReturnType<typeof creation>) =>
  (await call<Baseline>('POST', `/projects/${project}/baselines`, { body: { name }, headers: key })).data;
export const deleteBaseline = (id: string) => call('DELETE', `/baselines/${id}`);
