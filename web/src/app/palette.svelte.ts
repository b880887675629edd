import { searchFor } from '../api/calls';
import type { SearchHit } from '../api/types';
import { t } from '../i18n';
import type { IconName } from '../components/Icon.svelte';
import { router } from './router.svelte';
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
  private hits = $state.raw<SearchHit[]>([]);
  searching = $state(false);
  private abort: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly choices = $derived.by(() => {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Set(this.hits.map((hit) => hit.specification_id ?? hit.project_id));
    const fits = (title: string) => words.every((word) => title.toLowerCase().includes(word));
    return [
      ...this.hits.map(hitChoice),
      ...places()
        .filter((c) => fits(c.title) && !found.has(c.id))
        .slice(0, 6),
      ...this.doable().filter((c) => fits(c.title)),
    ];
  });

  show() {
    this.query = '';
    this.hits = [];
    this.open = true;
  }

  hide() {
    this.open = false;
    this.abort?.abort();
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
    this.abort?.abort();
    clearTimeout(this.timer);
    if (!query.trim()) {
      this.hits = [];
      this.searching = false;
      return;
    }
    this.searching = true;
    this.timer = setTimeout(() => void this.ask(query.trim().slice(0, 200)), 120);
  }

  private async ask(query: string) {
    const abort = new AbortController();
    this.abort = abort;
    try {
      this.hits = await searchFor(query, abort.signal);
    } catch {
      if (!abort.signal.aborted) this.hits = [];
    }
    if (!abort.signal.aborted) this.searching = false;
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

/** hitPath is the address of what a search has found. */
export async function openHit(hit: SearchHit) {
  if (!hit.specification_id) {
    router.go(`/p/${hit.project_id}`);
    return;
  }
  if (workspace.projectID !== hit.project_id) await workspace.openProject(hit.project_id);
  const number = hit.ref?.split('.')[0] ?? workspace.specs?.find((s) => s.id === hit.specification_id)?.number;
  router.go(`/p/${hit.project_id}/${number ?? ''}${hit.ref ? `#${hit.ref}` : ''}`);
}

function hitChoice(hit: SearchHit): Choice {
  return {
    id: `hit-${hit.item_id ?? hit.specification_id ?? hit.project_id}`,
    group: t.found,
    icon: undefined,
    hint: hit.ref ?? '',
    title: hit.title,
    snippet: hit.snippet,
    run: () => void openHit(hit),
  };
}

export const palette = new Palette();
