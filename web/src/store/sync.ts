import { Problem, SignedOut, Unreachable, isTemporary } from '../api/problem';
import { isLocal, type Base, type Create, type Op, type Ref, type Request } from './ops';
import { Queue } from './queue';
import { confirm, followUndo, isSendable, needsSending, orderNow } from './rebase';
import { perform, type Remote, type Written } from './remote';
import { Backoff, Hold, pause } from './timing';

/** Trouble is why a store does not get on at present. */
export type Trouble = 'offline' | 'busy' | 'signed-out' | undefined;

export interface Hooks {
  /** Reports a change of what the store knows. */
  changed(): void;
  /** Stores the queue; the promise ends when it is stored. */
  save(ops: Op[]): Promise<void>;
  /** Reports what the user has to know. */
  report(what: 'undo-failed' | 'nothing-to-undo' | 'deletion-dropped', error?: Problem): void;
}

/**
 * Sync keeps one specification equal here and at the server: what the server has (base),
 * and what the user did since (queue). It sends the queue, one request at a time and in
 * order, and reads the specification anew when the server has something that it does not
 * know.
 */
export class Sync {
  base: Base | undefined;
  readonly queue = new Queue();
  trouble: Trouble;
  /** Why there is nothing to show. */
  gone: Problem | undefined;
  /** Local names of items that have an id by now, so that a row keeps its name. */
  readonly names = new Map<string, Ref>();

  protected readonly hold = new Hold();
  private readonly backoff = new Backoff(() => void this.run());
  running = false;
  private wanted = false;
  private stale = true;
  /** True after an undo, until its result is here. */
  protected unclear = false;
  private heardVersion = 0;
  private rejections = 0;
  private old = 0;
  private done: number[] = []; // the versions that this store made
  /** All versions that this page wrote; others come from other pages. */
  readonly own = new Set<number>();
  protected undone: number[] = [];

  constructor(
    private readonly remote: Remote,
    private readonly hooks: Hooks,
  ) {}

  /** adopt takes over operations of an earlier page. */
  adopt(ops: Op[]) {
    this.queue.adopt(ops);
    this.changed();
  }

  /** settle sends now what waits for more typing. */
  settle() {
    this.hold.release();
    this.goOn();
  }

  /** wake tries again at once, because the network or the session is back. */
  wake() {
    this.stale ||= Boolean(this.trouble ?? this.gone);
    this.gone = undefined; // it may have been restored
    this.goOn();
  }

  /** goOn waits no longer, unless the server has named a time. */
  private goOn() {
    if (!this.backoff.isBarred) this.backoff.stop();
    void this.run();
  }

  /** heard is an event: the specification has this version. Null: anything may have changed. */
  heard(version: number | null) {
    if (version === null) this.stale = true;
    else this.heardVersion = Math.max(this.heardVersion, version);
    if (this.gone) this.wake();
    else void this.run();
  }

  /** isHeld reports whether something waits for more typing. */
  get isHeld(): boolean {
    return this.queue.ops.slice(-1).some((op) => this.hold.remaining(op) > 0);
  }

  close() {
    this.backoff.stop();
    this.hold.release();
  }

  protected changed() {
    void this.hooks.save(this.queue.saved());
    this.hooks.changed();
    void this.run();
  }

  /** run gets on until nothing is left to do, or something has to be waited for. */
  async run() {
    this.wanted = true;
    if (this.running || this.gone || this.backoff.waiting) return;
    this.running = true;
    try {
      while (this.wanted) {
        this.wanted = false; // what is wanted from here on needs another round
        while (await this.step());
      }
      this.trouble = undefined;
      this.backoff.reset();
    } catch (error) {
      this.failed(error);
    } finally {
      this.running = false;
      this.hooks.changed();
    }
  }

  private failed(error: unknown) {
    if (!isTemporary(error) && !(error instanceof Problem)) throw error; // a fault of this program
    if (!isTemporary(error)) {
      this.gone = error as Problem;
      return;
    }
    this.trouble = error instanceof Unreachable ? 'offline' : error instanceof SignedOut ? 'signed-out' : 'busy';
    this.backoff.start(error instanceof Problem ? error.retryAfter : 0);
  }

  private async step(): Promise<boolean> {
    // Until it is known whether a creation arrived, its item may be there under two names.
    const doubtful = this.queue.ops.find((op): op is Create => op.kind === 'create' && op.tried === true);
    if (doubtful) return this.send(doubtful);
    if (!this.base || this.stale || this.heardVersion > this.base.version) {
      await this.reload();
      return true;
    }
    const op = this.next(this.base);
    if (!op) return false;
    const needed = needsSending(op, this.base, this.queue) && (op.kind !== 'undo' || this.choose(op));
    if (needed) return this.send(op);
    this.settled(op, this.base);
    return true;
  }

  private async reload() {
    const base = await this.remote.load();
    if (base.version < (this.base?.version ?? 0) || base.version < this.heardVersion) {
      if (++this.old > 3) throw new Unreachable('The server responds with an old state.');
      return pause(100);
    }
    if (this.unclear && this.base && this.own.has(base.version) && base.version === this.base.version + 1)
      followUndo(this.queue, this.base, base);
    this.base = base;
    this.old = 0;
    this.stale = this.unclear = false;
    this.trouble = undefined;
    this.hooks.changed();
  }

  /** next is the first operation that can be sent now. */
  private next(base: Base): Request | undefined {
    const ready = (op: Op): op is Request => isSendable(op, base, this.queue, this.remote.limits);
    const op = this.queue.ops.find(
      (o): o is Request => ready(o) && !this.queue.waitsFor(o, (earlier) => !ready(earlier)),
    );
    if (!op || op !== this.queue.ops.at(-1)) return op;
    const wait = this.hold.remaining(op);
    if (wait > 0) this.hold.later(wait, () => void this.run());
    return wait > 0 ? undefined : op;
  }

  /** choose gives an undo the version to take back. */
  private choose(op: Op & { kind: 'undo' }): boolean {
    if (!op.version) op.version = (op.redo ? this.undone : this.done).pop() ?? 0;
    if (!op.version) this.hooks.report('nothing-to-undo');
    return op.version > 0;
  }

  /** settled removes an operation that needs no request. */
  private settled(op: Op, base: Base) {
    const item = 'ref' in op ? base.items.find((i) => i.id === op.ref) : undefined;
    if (op.kind === 'delete' && item) this.hooks.report('deletion-dropped');
    this.queue.acknowledged(op, item);
    void this.hooks.save(this.queue.saved());
    this.hooks.changed();
  }

  private async send(op: Request): Promise<true> {
    op.tried = true;
    if (op.kind === 'create') op.sent ??= { content: op.content, order: this.order(op) };
    await this.hooks.save(this.queue.saved()); // a retry after a reload must be the same
    try {
      const order = () => ('ref' in op ? this.order(op) : 0);
      this.confirmed(op, await perform(this.remote, op, order, this.base?.version ?? 0));
    } catch (error) {
      this.rejected(op, error);
    }
    await this.hooks.save(this.queue.saved());
    this.hooks.changed();
    return true;
  }

  private order(op: Op & { ref: Ref }): number {
    return this.base ? orderNow(op, this.base, this.queue) : 0;
  }

  private confirmed(op: Op, { version, item }: Written) {
    this.rejections = 0;
    if (op.kind === 'create' && item && isLocal(op.ref)) this.names.set(op.ref, item.id);
    if (this.base) this.base = confirm(this.base, op, item);
    this.queue.acknowledged(op, item);
    const known = this.base?.version ?? 0;
    const changes = version !== undefined && version > known;
    if (changes) this.own.add(version);
    if (changes) (op.kind === 'undo' && !op.redo ? this.undone : this.done).push(version);
    this.unclear = op.kind === 'undo' || op.kind === 'revive'; // the result is not in the answer
    if (this.unclear || version === undefined || version > known + 1) this.stale = true;
    else if (changes && this.base) this.base = { ...this.base, version };
  }

  /** rejected decides what a failed request means for its operation. */
  private rejected(op: Op, error: unknown) {
    if (isTemporary(error) || !(error instanceof Problem)) throw error;
    if (error.code === 'specification_not_found' || error.code === 'project_not_found') throw error;
    if (++this.rejections > 8) throw new Problem(503, error.body, 1000);
    this.stale = true;
    const place = error.body.errors?.some((fault) => fault.pointer === '/order');
    if (error.status === 412 || error.code === 'item_not_found') return; // compared after the next read
    this.queue.reopen(op);
    if (place) return;
    if (op.kind === 'undo' || op.kind === 'revive') {
      this.queue.remove(op);
      this.hooks.report('undo-failed', error);
    } else op.failure = error.sentence;
  }
}
