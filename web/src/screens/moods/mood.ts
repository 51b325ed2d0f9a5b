/** Moods, as they are shown and kept: pure. */
import type { Schemas } from "$/api/client";

export type Mood = Schemas["Mood"];
export type Logged = Schemas["LoggedMood"];

const WAITS = "waits-";

/** Shown before the server has answered: it gives the id. */
export const waiting = (day: string, log: Omit<Logged["log"], "id">): Logged => ({ day, log: { ...log, id: WAITS + log.at } });
export const isAtServer = ({ id }: Logged["log"]): boolean => !id.startsWith(WAITS);

const MOST_TAGS = 20;
const LONGEST_TAG = 64;

/** “work, sleep” as a list; no tag twice, whatever its case. */
export function tagsOf(typed: string): string[] {
  const found = new Map<string, string>();
  for (const tag of typed.split(/[,;\n]/).map((each) => each.trim().replace(/^#/, "").slice(0, LONGEST_TAG))) {
    if (tag && !found.has(tag.toLocaleLowerCase())) found.set(tag.toLocaleLowerCase(), tag);
  }
  return [...found.values()].slice(0, MOST_TAGS);
}

/** By day, the latest first; within a day in the order of the times. */
export function byDay(logs: readonly Logged[]): { day: string; logs: Logged["log"][] }[] {
  const days = new Map<string, Logged["log"][]>();
  for (const { day, log } of logs) days.set(day, [...(days.get(day) ?? []), log]);
  return [...days].sort(([one], [other]) => (one < other ? 1 : -1)).map(([day, of]) => ({ day, logs: of }));
}

/** Of a pad of this size, where the middle is neither; in steps of a tenth. */
export function degreesAt(x: number, y: number, size: number): { valence: number; energy: number } {
  const degree = (share: number): number => Math.round(Math.max(-1, Math.min(1, share)) * 10) / 10 + 0; // + 0: no negative zero
  return { valence: degree((2 * x) / size - 1), energy: degree(1 - (2 * y) / size) };
}
