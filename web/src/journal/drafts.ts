/** The copies of what is written that lie on this device, one for each document and tab, until the server has the same. */
import type { Box } from "$/device/box";
import { livingTabs, tab } from "$/device/tab";

export interface Draft<T> {
  path: string;
  base: T | null;
  etag: string | null;
  document: T;
  at: string;
}

const beginning = (path: string): string => `draft:${path}:`;

/** Of this tab's. */
export const draftName = (path: string): string => beginning(path) + tab;

/** Drafts of this document that nobody is writing now: this tab's own from before a reload, and those of tabs that are gone. */
export async function leftBehind<T>(box: Box | null, path: string): Promise<Draft<T>[]> {
  const found: Draft<T>[] = [];
  for (const { name, draft } of await drafts<T>(box)) {
    if (draft.path !== path) continue;
    found.push(draft);
    if (name !== draftName(path)) await box?.remove(name); // taken over: `adopt` keeps it under this tab's name
  }
  return found;
}

/** Of all documents, oldest first. */
export async function drafts<T>(box: Box | null): Promise<{ name: string; draft: Draft<T> }[]> {
  if (!box) return [];
  const living = await livingTabs();
  const all = await box.all<Draft<T>>("draft:");
  return all
    .map(({ name, value }) => ({ name, draft: value }))
    .filter(({ name, draft }) => {
      const of = name.slice(beginning(draft.path).length);
      return of === tab || !living.has(of);
    })
    .sort((one, other) => (one.draft.at < other.draft.at ? -1 : 1));
}
