/**
 * Which tab this is. Two tabs with the same day open keep two drafts, so that neither overwrites the other; a tab that is gone
 * (its lock is free) leaves its drafts to whoever comes next.
 */

const KEY = "timos.tab"; // in sessionStorage: a random number, kept over a reload
const RELOAD_MS = 400; // how long the page before a reload may take to let go of its lock

const random = (): string => String(crypto.getRandomValues(new Uint32Array(1))[0]);
const lockOf = (id: string): string => `timos-tab-${id}`;

export let tab: string = globalThis.sessionStorage?.getItem(KEY) ?? random();

let announced: Promise<void> | null = null;

/** Resolves once this tab has a name of its own: a duplicated tab copies sessionStorage and must take another. */
export const announce = (): Promise<void> => (announced ??= takeName());

async function takeName(): Promise<void> {
  if (navigator.locks && !(await isHeld(tab, AbortSignal.timeout(RELOAD_MS)))) {
    tab = random();
    await isHeld(tab);
  }
  sessionStorage.setItem(KEY, tab);
}

/** Takes the lock until the tab is closed or crashes; false when somebody else has it. */
function isHeld(id: string, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const held = (): Promise<never> => {
      resolve(true);
      return new Promise(() => undefined);
    };
    navigator.locks.request(lockOf(id), signal ? { signal } : {}, held).catch(() => resolve(false));
  });
}

/** The tabs that are open, this one included, which has its name by then. */
export async function livingTabs(): Promise<Set<string>> {
  await announced;
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const prefix = lockOf("");
  const names = held.map((lock) => lock.name ?? "").filter((name) => name.startsWith(prefix));
  return new Set([tab, ...names.map((name) => name.slice(prefix.length))]);
}
