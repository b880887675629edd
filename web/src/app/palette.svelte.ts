import type { SearchHit } from '../api/types';
import { t } from '../i18n';
import type { IconName } from '../components/Icon.svelte';
import { router } from './router.svelte';
import { pathOf, Search } from './search.svelte';
import { workspace } from './workspace.svelte';

/** Choice is a line of the palette. */
export interface Choice {
  id: string;
  group: string;
  icon: IconName | undefined;
  /** A number such as 3.2, or a key. */
  hint: string;
  title: string;
  snippet: { text: string; match: boolean }[];
  run: () => void;
}

/** Command is something that the palette can do. Screens add their own while they are shown. */
export interface Command {
  title: string;
  icon?: IconName;
  keys?: string;
  run: () => void;
}

/** Palette finds commands, projects and specifications here, and requirements at the server. */
class Palette {
  open = $state(false);
  query = $state('');
  /** What the open screen can do. */
  commands = $state.raw<Command[]>([]);
  private readonly found = new Search(20, 120);
  readonly searching = $derived(this.found.busy);

  /**
   * What is known here comes first: it is there at once, so hits that arrive later do not
   * change what Enter chooses.
   */
  readonly choices = $derived.by(() => {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ title }: Choice) => words.every((word) => title.toLowerCase().includes(word));
    const here = places().filter(fits).slice(0, 6);
    const shown = new Set(here.map((choice) => choice.id));
    const hits = this.found.results.map(({ hit }) => hit);
    return [
      ...here,
      ...this.doable().filter(fits),
      ...hits.filter((hit) => hit.item_id || !shown.has(hit.specification_id ?? hit.project_id)).map(hitChoice),
      ...this.everything(),
    ];
  });

  show() {
    this.search('');
    this.open = true;
  }

  hide() {
    this.open = false;
    this.found.stop();
  }

  /** everything leads to the screen of the search, which has more hits and filters. */
  private everything(): Choice[] {
    const q = this.query.trim();
    if (!q) return [];
    const run = () => router.go(`/search?${new URLSearchParams({ q })}`);
    const title = t.searchAll(q);
    return [{ id: 'search', group: t.search, icon: 'search', hint: '', title, snippet: [], run }];
  }

  private doable(): Choice[] {
    const line = ({ title, icon, keys, run }: Command): Choice => ({
      id: `command-${title}`,
      group: t.commands,
      icon,
      hint: keys ?? '',
      title,
      snippet: [],
      run,
    });
    return this.commands.map(line);
  }

  /** search asks the server once the user stops typing for a moment. */
  search(query: string) {
    this.query = query;
    this.found.ask({ q: query });
  }
}

function places(): Choice[] {
  const line = (id: string, title: string, hint: string, path: string): Choice => ({
    id,
    group: t.goTo,
    icon: undefined,
    hint,
    title,
    snippet: [],
    run: () => router.go(path),
  });
  const specs = (workspace.specs ?? []).map((s) =>
    line(s.id, s.title, String(s.number), `/p/${s.project_id}/${s.number}`),
  );
  return [...specs, ...(workspace.projects ?? []).map((p) => line(p.id, p.title, '', `/p/${p.id}`))];
}

function hitChoice(hit: SearchHit): Choice {
  return {
    id: `hit-${hit.item_id ?? hit.specification_id ?? hit.project_id}`,
    group: t.found,
    icon: undefined,
    hint: hit.ref ?? '',
    title: hit.title,
    snippet: hit.snippet,
    run: () => router.go(pathOf(hit)),
  };
}

export const palette = new Palette();
