import { prefix } from '../api/prefix';
import { routes, type Route } from './routes';

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** Router follows the address of the page. Links work as usual; go() is for code. */
class Router {
  path = $state(here());
  query = $state.raw(new URLSearchParams(location.search));
  hash = $state(location.hash);
  readonly match = $derived(find(this.path));

  constructor() {
    addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => this.follow(event));
  }

  go(path: string, replace = false) {
    const url = prefix + path;
    if (url !== location.pathname + location.search + location.hash)
      history[replace ? 'replaceState' : 'pushState'](null, '', url);
    this.read();
  }

  private read() {
    this.path = here();
    this.query = new URLSearchParams(location.search);
    this.hash = location.hash;
  }

  private follow(event: MouseEvent) {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest('a[data-link]') : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    this.go(link.pathname.slice(prefix.length) + link.search + link.hash);
  }
}

function here(): string {
  const path = decodeURI(location.pathname.slice(prefix.length));
  return path.replace(/(.)\/+$/, '$1') || '/';
}

function find(path: string): Match | undefined {
  const parts = path.split('/');
  for (const route of routes) {
    const names = route.path.split('/');
    if (names.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = names.every((name, n) => {
      if (!name.startsWith(':')) return name === parts[n];
      params[name.slice(1)] = parts[n] ?? '';
      return parts[n] !== '';
    });
    if (fits) return { route, params };
  }
  return undefined;
}

export const router = new Router();

/** href is the address of a path of the workspace. */
export const href = (path: string) => prefix + path;
