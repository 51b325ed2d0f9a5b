/** Ticking a course correction of last week: its recap is read and written anew, never on the strength of a failed read. */
import { send, type Schemas } from "$/api/client";
import { Problem } from "$/api/problem";
import { weekShifted } from "$/journal/days";
import type { Stored } from "$/journal/stored";

type Recap = Schemas["WeeklyRecap"];

const TRIES = 3; // somebody may be writing the recap on another device just now

/** `week` is the running one, into which the correction was carried. Throws a `Problem`. */
export async function setCorrectionDone(week: string, words: string, isDone: boolean): Promise<void> {
  const path = `/api/weekly/${weekShifted(week, -1)}`;
  for (let attempt = 1; ; attempt += 1) {
    const { document, etag } = await send<Stored<Recap>>("GET", path);
    const corrections = (document.corrections ?? []).map((one) => (one.text === words ? { ...one, done: isDone } : one));
    try {
      await send("PUT", path, { ...document, corrections }, { "If-Match": etag });
      return;
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 412 || attempt === TRIES) throw problem;
    }
  }
}
