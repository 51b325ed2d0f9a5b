/** Addresses and screens. An address may name a day, a week or an id; never a word that somebody wrote or searched for. */
import { tick } from "svelte";

export type Params = Record<string, string>;

interface Place {
  path: string;
  query: URLSearchParams;
}

class Router {
  place: Place = $state.raw(here());
  start(): void {
    addEventListener("popstate", () => void this.arrive());
    document.addEventListener("click", (event) => {
      const path = pathOf(event);
      if (path === null) return;
      event.preventDefault();
      this.go(path);
    });
  }

  go(path: string, { isReplacing = false } = {}): void {
    if (isReplacing) history.replaceState(null, "", path);
    else if (path !== location.pathname + location.search) history.pushState(null, "", path);
    void this.arrive();
  }

  /** Whether the address asks for something at once (`?new=1`); asked only once, so that a reload does not repeat it. */
  isAsked(name: string): boolean {
    const { path, query } = this.place;
    if (!query.has(name)) return false;
    history.replaceState(null, "", path);
    return true;
  }

  /** Changes the address of what is shown already, without a move. */
  rename(path: string): void {
    history.replaceState(null, "", path);
    this.place = here();
  }

  private async arrive(): Promise<void> {
    sessionStorage.removeItem("timos.caret");
    const isElsewhere = this.place.path !== location.pathname;
    this.place = here();
    if (!isElsewhere) return;
    await tick();
    scrollTo(0, 0);
  }
}

function here(): Place {
  const { pathname, search } = globalThis.location ?? { pathname: "/", search: "" }; // there is none while the build draws the first page
  return { path: pathname, query: new URLSearchParams(search) };
}

/** Of a plain click on a link of ours; null for anything that the browser should do itself. */
function pathOf(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = (event.target as Element | null)?.closest("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin || link.pathname.startsWith("/api/")) return null;
  if (link.hash && link.pathname === location.pathname) return null;
  return link.pathname + link.search;
}

/** The parameters of a path that has this pattern (`/day/:day`); null when it has not. */
export function matched(pattern: string, path: string): Params | null {
  const [wanted, found] = [pattern.split("/"), path.replace(/\/+$/, "").split("/")];
  if (path === "/") return pattern === "/" ? {} : null;
  if (wanted.length !== found.length) return null;
  const params: Params = {};
  for (const [index, part] of wanted.entries()) {
    const value = found[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}

export const router = new Router();
