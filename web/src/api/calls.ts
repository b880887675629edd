import { call } from './client';
import { newID } from './locks';
import type { Project, Specification, SpecificationRow } from './types';

/** pages reads all pages of a list. */
export async function pages<T>(path: string, list: string): Promise<T[]> {
  const all: T[] = [];
  let token = '';
  do {
    const page = `${path}${path.includes('?') ? '&' : '?'}page_size=100${token && `&page_token=${encodeURIComponent(token)}`}`;
    const { data } = await call<Record<string, unknown>>('GET', page);
    all.push(...(data[list] as T[]));
    token = data['next_page_token'] as string;
  } while (token);
  return all;
}

/** creation names a creation, so that a retry does not create twice. */
export const creation = () => ({ 'Idempotency-Key': newID() });

export const listProjects = () => pages<Project>('/projects', 'projects');
export const listSpecifications = (project: string) =>
  pages<SpecificationRow>(`/projects/${project}/specs?view=summary`, 'specifications');

export const createProject = async (title: string) =>
  (await call<Project>('POST', '/projects', { body: { title }, headers: creation() })).data;
export const trashProject = (id: string) => call('DELETE', `/projects/${id}`);
export const restoreProject = (id: string) => call('POST', `/projects/${id}/restore`);

export const createSpecification = async (project: string, title: string) =>
  (
    await call<Specification>('POST', `/projects/${project}/specs`, {
      body: { title, content: `# ${title}\n` },
      headers: creation(),
    })
  ).data;
export const trashSpecification = (id: string) => call('DELETE', `/specs/${id}`);
export const restoreSpecification = (id: string) => call('POST', `/specs/${id}/restore`);
