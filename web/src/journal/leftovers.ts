/** What an earlier visit left on this device: sent once the app is open, wherever in it somebody is. */
import type { Box } from "$/device/box";
import { drafts } from "./drafts";
import { Kept, open } from "./kept.svelte";
import type { Document } from "./merge";

/** Answers the paths that wait for a decision. */
export async function sendLeftovers(box: Box | null, emptyOf: (path: string) => { empty: Document; unions: readonly string[] }): Promise<string[]> {
  const waiting: string[] = [];
  for (const path of new Set((await drafts(box)).map(({ draft }) => draft.path))) {
    if (open.has(path)) continue;
    const kept = await Kept.open(path, null, { box, ...emptyOf(path) });
    await kept.flush();
    if (kept.conflict || kept.state.kind === "refused") waiting.push(path);
    if (!kept.isUnsent) open.delete(path);
  }
  return waiting;
}
