import { respond } from './client';
import { Problem, SignedOut } from './problem';
import { accessToken } from './token';
import type { Actor, Change } from './types';

/** Revision is all changes of one transaction in a project. */
export interface ChangeEvent {
  revision: number;
  at: string;
  actor: Actor;
  changes: Change[];
}

export interface Listener {
  /** The stream is open. Without a last id, what happened before is not replayed. */
  opened?(replays: boolean): void;
  change(event: ChangeEvent): void;
  /** Something was missed for good. */
  resync(): void;
  /** The project is gone, or is not the user's any more. */
  gone?(): void;
}

/** follow reads the events of a project until it is stopped. It reconnects by itself. */
export function follow(project: string, listener: Listener): () => void {
  const abort = new AbortController();
  void new Stream(project, listener, abort.signal).run();
  return () => abort.abort();
}

/** A hidden page gives up its connection after this time. */
const hiddenDelay = 60_000;

class Stream {
  private lastID = '';
  private retry = 2000;
  private failures = 0;
  private stale: string | undefined;

  constructor(
    private readonly project: string,
    private readonly listener: Listener,
    private readonly signal: AbortSignal,
  ) {}

  async run() {
    while (!this.signal.aborted) {
      try {
        await this.connect();
        this.failures = 0;
      } catch (error) {
        if (this.signal.aborted) return;
        if (error instanceof Problem && (error.status === 404 || error.status === 403)) {
          this.listener.gone?.();
          return;
        }
        this.failures++;
        if (error instanceof SignedOut || (error instanceof Problem && error.code === 'too_many_streams'))
          this.failures += 3;
      }
      await this.wait(Math.min(30_000, this.retry * 2 ** Math.min(this.failures, 4) * (0.5 + Math.random() / 2)));
      await visible(this.signal);
    }
  }

  private async connect() {
    const token = await accessToken(this.stale);
    this.stale = undefined;
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.lastID) headers['Last-Event-ID'] = this.lastID;
    const connection = new AbortController();
    const stop = () => connection.abort();
    this.signal.addEventListener('abort', stop);
    const unwatch = whenHidden(stop);
    try {
      const path = `/projects/${this.project}/events`;
      const response = await respond('GET', path, { headers, signal: connection.signal }, token);
      this.listener.opened?.(this.lastID !== '');
      await this.read(response, token);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.stale = token;
      if (!connection.signal.aborted) throw error;
    } finally {
      unwatch();
      this.signal.removeEventListener('abort', stop);
    }
  }

  private async read(response: Response, token: string) {
    const reader = (response.body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.handle(block, token);
    }
  }

  private handle(block: string, token: string) {
    const fields: Record<string, string> = {};
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
    }
    if (fields['retry']) this.retry = Number(fields['retry']) || this.retry;
    const { event, data } = fields;
    if (event === 'change' && data) this.listener.change(JSON.parse(data) as ChangeEvent);
    if (event === 'resync') this.listener.resync();
    if (event === 'end' && data) {
      const { reason } = JSON.parse(data) as { reason: string };
      if (reason === 'project_unavailable') this.listener.gone?.();
      if (reason === 'token_expired' || reason === 'session_ended') this.stale = token;
    }
    // After the event, so that an interrupted one comes again.
    if (fields['id'] !== undefined) this.lastID = fields['id'];
  }

  private wait(milliseconds: number): Promise<void> {
    return new Promise((done) => {
      const end = () => {
        clearTimeout(timer);
        removeEventListener('online', end);
        this.signal.removeEventListener('abort', end);
        done();
      };
      const timer = setTimeout(end, milliseconds);
      addEventListener('online', end);
      this.signal.addEventListener('abort', end);
    });
  }
}

function whenHidden(stop: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(stop, hiddenDelay);
  };
  document.addEventListener('visibilitychange', watch);
  watch();
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', watch);
  };
}

/** visible waits until the page can be seen. */
async function visible(signal: AbortSignal): Promise<void> {
  while (document.hidden && !signal.aborted) {
    await new Promise((done) => document.addEventListener('visibilitychange', done, { once: true }));
  }
}
