import type { Page } from '../api/account';

/** Paged is a list of which the user asks for more. A new query replaces an older one. */
export class Paged<T, Q> {
  rows = $state.raw<T[]>();
  next = $state('');
  busy = $state(false);
  failure = $state.raw<unknown>();
  private query: Q | undefined;
  private request: AbortController | undefined;

  constructor(private readonly read: (query: Q, next: string, signal: AbortSignal) => Promise<Page<T>>) {}

  /** load begins anew. The earlier rows stay until the first page is there. */
  load(query: Q) {
    this.query = query;
    return this.run('');
  }

  more() {
    return this.run(this.next);
  }

  retry() {
    return this.run(this.rows ? this.next : '');
  }

  /** replace shows a changed row in place of the one that matches. */
  replace(matches: (row: T) => boolean, changed: T) {
    this.rows = this.rows?.map((row) => (matches(row) ? changed : row));
  }

  stop() {
    this.request?.abort();
    this.request = undefined;
  }

  private async run(next: string) {
    this.stop();
    const request = (this.request = new AbortController());
    this.busy = true;
    try {
      const page = await this.read(this.query as Q, next, request.signal);
      if (this.request !== request) return;
      this.rows = next ? [...(this.rows ?? []), ...page.rows] : page.rows;
      this.next = page.next;
      this.failure = undefined;
    } catch (error) {
      if (this.request !== request) return;
      this.failure = error;
      if (!next) this.rows = undefined;
    }
    this.busy = false;
  }
}
