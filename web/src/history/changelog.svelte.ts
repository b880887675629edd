import * as api from '../api/history';
import type { Change } from '../api/types';
import { complete, revisionsOf, type Revision } from './revisions';

/**
 * Changelog is the list of revisions of a project, or of one specification, newest
 * first. It grows by pages, and each of its revisions is whole.
 */
export class Changelog {
  revisions = $state.raw<Revision[]>();
  failure = $state.raw<unknown>();
  busy = $state(false);
  hasMore = $state(false);
  private token = '';
  private rest: Change[] = [];
  private run = 0;

  constructor(
    private readonly project: string,
    private readonly specification?: string,
  ) {}

  /** load reads the newest page. What was read before stays visible until it has come. */
  async load() {
    this.token = '';
    this.rest = [];
    await this.read([]);
  }

  /** refresh adds what is new. Revisions never change, so the rest stays. */
  async refresh() {
    const known = this.revisions?.[0]?.revision;
    if (known === undefined) return this.load();
    const page = await api.changePage(this.project, this.specification, '');
    const { whole } = complete(page.changes, page.next_page_token === '');
    if (!whole.some((change) => change.revision <= known)) return this.load(); // more than a page
    const news = revisionsOf(whole.filter((change) => change.revision > known));
    const newest = this.revisions?.[0]?.revision ?? 0; // of a refresh that was faster
    this.revisions = [...news.filter((r) => r.revision > newest), ...(this.revisions ?? [])];
  }

  async more() {
    if (!this.busy && this.hasMore) await this.read(this.revisions ?? []);
  }

  private async read(before: Revision[]) {
    const run = ++this.run;
    this.busy = true;
    try {
      const next = await this.nextRevisions(run);
      if (!next) return; // another load began meanwhile
      this.revisions = [...before, ...next];
      this.failure = undefined;
    } catch (error) {
      if (run === this.run) this.failure = error;
    } finally {
      if (run === this.run) this.busy = false;
    }
  }

  /** nextRevisions reads pages until one revision is whole. */
  private async nextRevisions(run: number): Promise<Revision[] | undefined> {
    let { token, rest } = this;
    for (;;) {
      const page = await api.changePage(this.project, this.specification, token);
      if (run !== this.run) return undefined;
      token = page.next_page_token;
      const parts = complete([...rest, ...page.changes], token === '');
      rest = parts.rest;
      if (parts.whole.length > 0 || token === '') {
        [this.token, this.rest, this.hasMore] = [token, rest, token !== ''];
        return revisionsOf(parts.whole);
      }
    }
  }
}
