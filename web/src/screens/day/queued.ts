/** The day as it will be once what waits in the outbox is answered: a tick made offline is there after a reload. */
import type { Schemas } from "$/api/client";
import type { Today } from "$/journal/journal.svelte";
import type { Call } from "$/journal/outbox.svelte";

export interface Queued {
  habits: Today["habits"];
  notes: Note[];
  moods: MoodLog[];
  /** Ids of moods that are taken back. */
  takenBack: string[];
}

/** As they are shown; what the server fills in by itself may be missing in one that waits. */
export type Note = Pick<Schemas["Note"], "id" | "text"> & { at?: string | null };
export type MoodLog = Pick<Schemas["MoodLog"], "id" | "at" | "mood"> & { note?: string };

type NewMood = Omit<MoodLog, "id"> & { day: string };

const MOOD = /^\/api\/moods\/log\/([^/]+)\/([^/]+)$/;

const HABIT = /^\/api\/habits\/([^/]+)\/days\/([^/]+)$/;

export function withQueued(today: Today, calls: readonly Call[]): Queued {
  const queued: Queued = { habits: today.habits, notes: [], moods: [], takenBack: [] };
  for (const { key, method, path, body } of calls) {
    const [, id, day] = HABIT.exec(path) ?? [];
    if (id && day === today.day) queued.habits = ticked(queued.habits, id, method === "PUT" ? (body as Schemas["Tick"]) : null);
    else if (method === "DELETE" && MOOD.exec(path)?.[1] === today.day) queued.takenBack = [...queued.takenBack, MOOD.exec(path)?.[2] ?? ""];
    else if (path === `/api/entries/${today.day}/notes`) queued.notes = [...queued.notes, { ...(body as Omit<Note, "id">), id: key }];
    else if (path === "/api/moods/log" && (body as NewMood).day === today.day) queued.moods = [...queued.moods, { ...(body as NewMood), id: key }];
  }
  return queued;
}

export const ticked = (habits: Today["habits"], id: string, tick: Schemas["Tick"] | null): Today["habits"] =>
  habits.map((habit) => (habit.id === id ? { ...habit, tick } : habit));
