import { Problem, Unreachable } from '../../api/problem';
import type { Item } from '../../api/types';
import { specificationLimits } from '../limits';
import type { Base, Texts } from '../ops';
import type { Remote, Written } from '../remote';

/** Fault is what happens to one request, in a test. */
export type Fault = 'none' | 'lost-request' | 'lost-answer' | 'rate-limited' | 'unavailable' | 'page-gone';

/**
 * ModelServer has the server's rules for one specification: versions, positions,
 * preconditions, idempotency keys and undo. Tests use it to cause any order of events.
 */
export class ModelServer {
  version = 1;
  title = 'Title';
  content = 'Content';
  items: Item[] = [];
  /** Every text that the server ever had, for tests of what is lost. */
  readonly texts = new Set<string>();
  private readonly answers = new Map<string, { body: string; item: Item }>();
  private readonly before = new Map<number, { title: string; content: string; items: Item[] }>();
  private deleted: Item[] = [];
  private count = 0;

  private write<T>(change: () => T): T {
    const before = { title: this.title, content: this.content, items: this.items.map((i) => ({ ...i })) };
    const result = change();
    this.items.forEach((item, order) => (item.order = order));
    const same =
      JSON.stringify(before) === JSON.stringify({ title: this.title, content: this.content, items: this.items });
    if (!same) this.before.set(++this.version, before);
    return result;
  }

  private item(id: string): Item {
    const item = this.items.find((i) => i.id === id);
    if (!item) throw new Problem(404, { code: 'item_not_found' });
    return item;
  }

  private written(item?: Item): Written {
    return item ? { version: this.version, item: { ...item } } : { version: this.version };
  }

  load(): Base {
    const { version, title, content } = this;
    const fixed = { id: 's', project_id: 'p', number: 1, created_at: '', updated_at: '', deleted_at: null };
    return { ...fixed, version, title, content, items: this.items.map((i) => ({ ...i })) };
  }

  create(content: string, order: number, token: string): Written {
    const body = JSON.stringify([content, order]);
    const answer = this.answers.get(token);
    if (answer && answer.body !== body) throw new Problem(422, { code: 'idempotency_key_reused' });
    if (answer) return { version: undefined, item: { ...answer.item } };
    if (content.trim() === '') throw new Problem(422, { code: 'validation_failed' });
    if (order > this.items.length) {
      throw new Problem(422, {
        code: 'validation_failed',
        errors: [{ pointer: '/order', code: 'out_of_range', detail: '' }],
      });
    }
    const number = ++this.count;
    const fixed = { spec_id: 's', number, ref: `1.${number}`, version: 1, created_at: '', updated_at: '' };
    const item: Item = { ...fixed, id: `i${number}`, content, order };
    this.texts.add(content);
    this.write(() => this.items.splice(order, 0, item));
    this.answers.set(token, { body, item: { ...item } });
    return this.written(item);
  }

  edit(id: string, content: string, version?: number): Written {
    const item = this.item(id);
    if (version !== undefined && item.version !== version) throw new Problem(412, { code: 'precondition_failed' });
    if (content.trim() === '') throw new Problem(422, { code: 'validation_failed' });
    this.texts.add(content);
    this.write(() => {
      if (item.content !== content) item.version++;
      item.content = content;
    });
    return this.written(item);
  }

  move(id: string, order: number): Written {
    const item = this.item(id);
    if (order >= this.items.length) {
      throw new Problem(422, {
        code: 'validation_failed',
        errors: [{ pointer: '/order', code: 'out_of_range', detail: '' }],
      });
    }
    this.write(() => {
      this.items.splice(this.items.indexOf(item), 1);
      this.items.splice(order, 0, item);
    });
    return this.written(item);
  }

  delete(id: string, version?: number): Written {
    const item = this.item(id);
    if (version !== undefined && item.version !== version) throw new Problem(412, { code: 'precondition_failed' });
    this.write(() => this.items.splice(this.items.indexOf(item), 1));
    this.deleted.push(item);
    return this.written();
  }

  revive(id: string): Written {
    const item = this.deleted.find((i) => i.id === id) ?? this.item(id);
    if (!this.items.includes(item))
      this.write(() => this.items.splice(Math.min(item.order, this.items.length), 0, item));
    return this.written(item);
  }

  text(value: Texts, version?: number): Written {
    if (version !== undefined && version !== this.version) throw new Problem(412, { code: 'precondition_failed' });
    this.write(() => Object.assign(this, value));
    return this.written();
  }

  /** undo takes back the newest version; older ones are a conflict. */
  undo(version: number): Written {
    const before = this.before.get(version);
    if (!before || version !== this.version) throw new Problem(409, { code: 'undo_conflict' });
    this.write(() => {
      const back = before.items.map((i) => {
        const now = this.items.find((n) => n.id === i.id) ?? this.deleted.find((n) => n.id === i.id);
        return {
          ...i,
          version: now && now.content !== i.content ? now.version + 1 : (now?.version ?? i.version),
        };
      });
      this.deleted.push(...this.items.filter((i) => !back.some((b) => b.id === i.id)));
      Object.assign(this, { title: before.title, content: before.content, items: back });
    });
    return this.written();
  }
}

/** modelRemote is the server behind a network that takes time and has faults. */
export function modelRemote(
  server: ModelServer,
  fault: () => Fault,
  delay: () => number,
  retryAfter = () => 1000,
): Remote {
  async function over<T>(request: () => T): Promise<T> {
    const what = fault();
    if (what === 'page-gone') return new Promise<T>(() => {});
    await new Promise((done) => setTimeout(done, delay()));
    if (what === 'lost-request') throw new Unreachable('lost');
    if (what === 'rate-limited') throw new Problem(429, { code: 'rate_limited' }, retryAfter());
    if (what === 'unavailable') throw new Problem(503, { code: 'unavailable' });
    const result = request();
    await new Promise((done) => setTimeout(done, delay()));
    if (what === 'lost-answer') throw new Unreachable('lost');
    return result;
  }
  return {
    limits: specificationLimits,
    load: () => over(() => server.load()),
    create: (content, order, token) => over(() => server.create(content, order, token)),
    edit: (id, content, version) => over(() => server.edit(id, content, version)),
    move: (id, order) => over(() => server.move(id, order)),
    delete: (id, version) => over(() => server.delete(id, version)),
    revive: (id) => over(() => server.revive(id)),
    text: (value, version) => over(() => server.text(value, version)),
    undo: (version) => over(() => server.undo(version)),
  };
}
