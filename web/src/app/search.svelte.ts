import { fits, searchText } from '../store/limits';
import { search, type Kind, type SearchHit, type SearchQuery } from '../api/search';

export const kinds: readonly Kind[] = ['project', 'specification', 'item'];

/** A hit and its place among all hits, which the arrow keys follow. */
export interface Result {
  hit: SearchHit;
  at: number;
}

/**
 * Search is a search while the user types. Only the newest query counts: an older request
 * is aborted, and its answer is ignored. Earlier hits stay until new ones come.
 */
export class Search {
  query = $state.raw<SearchQuery>({ q: '' });
  /** The query that the hits belong to. */
  answered = $state.raw<SearchQuery>();
  failure = $state.raw<unknown>();
  busy = $state(false);
  complete = $state(true);
  /** The hit that Enter opens. */
  active = $state(0);
  next = $state('');
  private hits = $state.raw<SearchHit[]>([]);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | undefined;

  /** The hits by kind. The kind of the best hit is first. */
  readonly groups = $derived.by(() => {
    const best = this.hits[0]?.kind;
    const order = [...kinds].sort((a, b) => Number(b === best) - Number(a === best));
    let at = 0;
    return order
      .map((kind) => ({ kind, hits: this.hits.filter((hit) => hit.kind === kind) }))
      .filter((group) => group.hits.length > 0)
      .map(({ kind, hits }) => ({ kind, results: hits.map((hit): Result => ({ hit, at: at++ })) }));
  });
  readonly results = $derived(this.groups.flatMap((group) => group.results));
  readonly count = $derived(this.hits.length);

  constructor(
    private readonly size = 50,
    private readonly delay = 150,
  ) {}

  /** ask searches once the user pauses, or at once. An empty query clears. */
  ask(query: SearchQuery, now = false) {
    this.stop();
    this.query = query;
    if (!query.q.trim() || !fits(query.q.trim(), searchText)) {
      this.answered = this.failure = undefined;
      this.show([], '', true);
      return;
    }
    this.busy = true;
    this.timer = setTimeout(() => void this.run(), now ? 0 : this.delay);
  }

  /** more adds the next page of hits. */
  more() {
    this.stop();
    this.busy = true;
    void this.run(this.next);
  }

  retry() {
    this.ask(this.query, true);
  }

  /** stop is for the end of the screen or the palette. */
  stop() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = undefined;
    this.busy = false;
  }

  /** step moves the active hit down or up, around the ends. */
  step(by: number) {
    if (this.count > 0) this.active = (this.active + by + this.count) % this.count;
  }

  get activeHit(): SearchHit | undefined {
    return this.results[this.active]?.hit;
  }

  private async run(next = '') {
    const request = (this.request = new AbortController());
    const query = this.query;
    try {
      const answer = await search({ ...query, q: query.q.trim() }, this.size, next, request.signal);
      if (this.request !== request) return;
      this.show(next ? [...this.hits, ...answer.hits] : answer.hits, answer.next_page_token, answer.complete);
      if (!next) this.active = 0;
      this.answered = query;
      this.failure = undefined;
    } catch (error) {
      if (this.request !== request) return;
      this.failure = error;
      if (!next) this.show([], '', true);
    }
    this.busy = false;
  }

  private show(hits: SearchHit[], next: string, complete: boolean) {
    this.hits = hits;
    this.next = next;
    this.complete = complete;
  }
}

/** pathOf is the path of the screen that shows a hit. */
export function pathOf(hit: SearchHit): string {
  const project = `/p/${hit.project_id}`;
  if (hit.kind === 'project') return project;
  if (hit.kind === 'specification') return `${project}/specification/${hit.specification_id}`;
  return `${project}/${hit.ref?.split('.')[0]}#${hit.ref}`;
}
