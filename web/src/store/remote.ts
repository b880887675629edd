import { call, type Answer } from '../api/client';
import type { Item, Project, Revision, Specification } from '../api/types';
import { projectLimits, specificationLimits, type Limits } from './limits';
import type { Base, Request, Texts } from './ops';

/** Written is the result of a write: the version of the specification, if it is known. */
export interface Written {
  version: number | undefined;
  item?: Item;
}

/** Remote is what the store needs of the server. A test has a model of it. */
export interface Remote {
  readonly limits: Limits;
  load(): Promise<Base>;
  create(content: string, order: number, token: string): Promise<Written>;
  edit(id: string, content: string, version: number): Promise<Written>;
  move(id: string, order: number): Promise<Written>;
  delete(id: string, version: number): Promise<Written>;
  revive(id: string): Promise<Written>;
  text(value: Texts, version: number): Promise<Written>;
  undo(version: number): Promise<Written>;
}

const ifMatch = (version: number) => ({ 'If-Match': `"${version}"` });

/** The number in an ETag such as "3-17". */
function versionOf(tag: string | null): number | undefined {
  const number = /^"?(\d+)/.exec(tag ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
}

function written(answer: Answer<Item | undefined>): Written {
  const version = versionOf(answer.headers.get('Specification-ETag'));
  return answer.data ? { version, item: answer.data } : { version };
}

/** httpRemote is a specification at the server. */
export function httpRemote(spec: string): Remote {
  const path = `/specs/${spec}`;
  return {
    limits: specificationLimits,
    async load() {
      const { data } = await call<Specification>('GET', `${path}?include=items`);
      return { ...data, items: data.items ?? [] };
    },
    async create(content, order, token) {
      const headers = { 'Idempotency-Key': token };
      return written(await call<Item>('POST', `${path}/items`, { body: { content, order }, headers }));
    },
    async edit(id, content, version) {
      return written(await call<Item>('PATCH', `/items/${id}`, { body: { content }, headers: ifMatch(version) }));
    },
    async move(id, order) {
      return written(await call<Item>('PATCH', `/items/${id}`, { body: { order } }));
    },
    async delete(id, version) {
      return written(await call<undefined>('DELETE', `/items/${id}`, { headers: ifMatch(version) }));
    },
    async revive(id) {
      return written(await call<Item>('POST', `/items/${id}/restore`));
    },
    async text(value, version) {
      const { data } = await call<Specification>('PATCH', path, { body: value, headers: ifMatch(version) });
      return { version: data.version };
    },
    async undo(version) {
      const undo = `r${await revisionOf(path, version)}`;
      const { data } = await call<Specification>('POST', `${path}/restore`, { body: { undo } });
      return { version: data.version };
    },
  };
}

/** projectRemote is a project, which is to a store a specification without items. */
export function projectRemote(id: string): Remote {
  const path = `/projects/${id}`;
  const never = () => Promise.reject(new Error('A project has no items, and its undo is in its history.'));
  return {
    limits: projectLimits,
    async load() {
      const { description, ...project } = (await call<Project>('GET', path)).data;
      return { ...project, project_id: id, number: 0, content: description, items: [] };
    },
    async text({ title, content }, version) {
      const body = { ...(title !== undefined && { title }), ...(content !== undefined && { description: content }) };
      const { data } = await call<Project>('PATCH', path, { body, headers: ifMatch(version) });
      return { version: data.version };
    },
    create: never,
    edit: never,
    move: never,
    delete: never,
    revive: never,
    undo: never,
  };
}

/** perform sends an operation. The order of its item, and the version, are those of now. */
export function perform(remote: Remote, op: Request, order: () => number, version: number): Promise<Written> {
  switch (op.kind) {
    case 'create':
      return remote.create(op.sent?.content ?? op.content, op.sent?.order ?? 0, op.token);
    case 'edit':
      return remote.edit(op.ref, op.content, op.version);
    case 'move':
      return remote.move(op.ref, order());
    case 'delete':
      return remote.delete(op.ref, op.version);
    case 'revive':
      return remote.revive(op.ref);
    case 'text':
      return remote.text(op.value, version);
    case 'undo':
      return remote.undo(op.version);
  }
}

/** revisionOf is the revision of the project that made a version of a specification. */
async function revisionOf(path: string, version: number): Promise<number> {
  const { data } = await call<{ revisions: Revision[] }>('GET', `${path}/revisions?page_size=100`);
  return data.revisions.find((r) => r.specification_version === version)?.revision ?? 0;
}
