/** Finds, put in the order in which they are read: by day, the newest first, what has no day last. */
import type { Schemas } from "$/api/client";

export type Hit = Schemas["SearchHit"];

export interface Group {
  /** Null for what has no day. */
  day: string | null;
  hits: Hit[];
}

export function grouped(hits: readonly Hit[]): Group[] {
  const groups = new Map<string | null, Hit[]>();
  for (const hit of hits) groups.set(hit.day, [...(groups.get(hit.day) ?? []), hit]);
  return [...groups].map(([day, all]) => ({ day, hits: all }));
}

/** Where a find is read. */
export function pathOf({ collection, id, day }: Hit): string {
  if (day) return `/day/${day}`;
  if (collection === "weekly_recaps") return `/week/${id}`;
  if (collection === "pillars") return `/pillars/${id}`;
  if (collection === "morning_habits") return "/habits";
  if (collection === "moods") return "/moods";
  return collection === "preferences" ? "/settings/journal" : "/";
}
