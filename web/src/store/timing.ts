import type { Op } from './ops';

export const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

/** How long the newest operation waits for more of the same, and at most. */
const idle: Record<Op['kind'], [idle: number, most: number]> = {
  create: [700, 3000],
  edit: [700, 3000],
  text: [700, 3000],
  move: [250, 1000],
  delete: [0, 0],
  revive: [0, 0],
  undo: [0, 0],
  aside: [0, 0],
};

/** Hold delays the newest operation while the user is still at it. */
export class Hold {
  private op: Op | undefined;
  private first = 0;
  private last = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  touch(op: Op, isNew: boolean) {
    const now = Date.now();
    if (isNew || op !== this.op) this.first = now;
    this.op = op;
    this.last = now;
  }

  release() {
    this.op = undefined;
    clearTimeout(this.timer);
  }

  remaining(op: Op): number {
    if (op !== this.op) return 0;
    const [quiet, most] = idle[op.kind];
    return Math.min(this.last + quiet, this.first + most) - Date.now();
  }

  later(wait: number, run: () => void) {
    clearTimeout(this.timer);
    this.timer = setTimeout(run, wait);
  }
}

/** Backoff tries again later: after a second, then more and more seldom, up to 30 s. */
export class Backoff {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private until = 0;
  waiting = false;

  constructor(private readonly retry: () => void) {}

  start(atLeast: number) {
    this.stop();
    const delay = Math.min(30_000, 1000 * 2 ** this.failures++);
    this.until = Date.now() + atLeast;
    this.waiting = true;
    this.timer = setTimeout(() => this.fire(), Math.max(atLeast, delay * (0.75 + Math.random() / 2)));
  }

  private fire() {
    this.waiting = false;
    this.retry();
  }

  /** isBarred reports whether the server has named a time that has not come. */
  get isBarred(): boolean {
    return Date.now() < this.until;
  }

  stop() {
    clearTimeout(this.timer);
    this.waiting = false;
  }

  reset() {
    this.failures = 0;
  }
}
