/**
 * One day that is open: its three documents, and what is ticked, noted and logged beside them.
 *
 * The copy of today on the device follows each answer, so that a reload without the network shows what was last seen.
 */
import { messageOf } from "$/api/problem";
import type { Schemas } from "$/api/client";
import { beginningOf, journal, type Today } from "$/journal/journal.svelte";
import { Kept } from "$/journal/kept.svelte";
import type { Document } from "$/journal/merge";
import { outbox, type Call } from "$/journal/outbox.svelte";
import type { Stored } from "$/journal/stored";
import { session } from "$/session.svelte";
import { text } from "$/text";
import { toasts } from "$/ui/toasts.svelte";
import { ticked, withQueued, type MoodLog, type Note } from "./queued";

export type Entry = Schemas["DailyEntry"];
export type Morning = Schemas["Morning"];
export type Evening = Schemas["Evening"];
/** What a client says of a tick; when it was made is the server's to say. */
export type NewTick = Pick<Schemas["Tick"], "value" | "skipped" | "note">;

/** Now, where it says no time. */
export type NewMoodLog = Pick<Schemas["MoodLog"], "mood" | "note"> & Partial<Pick<Schemas["MoodLog"], "at" | "tags" | "pillar">>;

interface Documents {
  entry: Kept<Entry>;
  morning: Kept<Morning>;
  evening: Kept<Evening>;
}

export class DayBook {
  answer: Today = $state.raw({} as Today);
  readonly entry: Kept<Entry>;
  readonly morning: Kept<Morning>;
  readonly evening: Kept<Evening>;
  /** Notes and moods that no server has yet. */
  queuedNotes: Note[] = $state.raw([]);
  queuedMoods: MoodLog[] = $state.raw([]);
  private takenBack: readonly string[] = $state.raw([]);
  /** Counts the ticks that were answered: streaks are asked for again. */
  ticks = $state(0);
  private inOrder: Promise<unknown> = Promise.resolve();

  private constructor(answer: Today, { entry, morning, evening }: Documents) {
    this.answer = answer;
    this.entry = entry;
    this.morning = morning;
    this.evening = evening;
  }

  static async open(answer: Today): Promise<DayBook> {
    const { day } = answer;
    const [calls, entry, morning, evening] = await Promise.all([
      outbox.pending(),
      opened<Entry>(`/api/entries/${day}`, answer.entry),
      opened<Morning>(`/api/feels/${day}/morning`, answer.morning),
      opened<Evening>(`/api/feels/${day}/evening`, answer.evening),
    ]);
    const book = new DayBook(answer, { entry, morning, evening });
    book.show(calls);
    return book;
  }

  get day(): string {
    return this.answer.day;
  }

  get notes(): Schemas["Note"][] {
    return this.entry.document.notes ?? [];
  }

  get moods(): Schemas["MoodLog"][] {
    const logs = (this.answer.moods?.document as Schemas["MoodDay"] | undefined)?.logs ?? [];
    return logs.filter(({ id }) => !this.takenBack.includes(id));
  }

  /** A newer answer of the server; what is being written stays. */
  async refresh(answer: Today): Promise<void> {
    this.answer = answer;
    this.entry.refresh(answer.entry as Stored<Entry> | null);
    this.morning.refresh(answer.morning as Stored<Morning> | null);
    this.evening.refresh(answer.evening as Stored<Evening> | null);
    await this.queue();
  }

  async reload(): Promise<void> {
    await journal.loadDay(this.day).then(
      (answer) => this.refresh(answer),
      () => undefined, // what is shown stays
    );
  }

  close(): void {
    for (const kept of [this.entry, this.morning, this.evening]) kept.close();
  }

  tick(id: string, tick: NewTick | null): void {
    this.learn({ habits: ticked(this.answer.habits, id, tick && { at: null, ...tick }) });
    const path = `/api/habits/${id}/days/${this.day}`;
    void this.call(tick ? "PUT" : "DELETE", path, tick ?? undefined).then(() => (this.ticks += 1));
  }

  async addNote(words: string): Promise<void> {
    const body = { text: words, at: new Date().toISOString() };
    const waiting = { ...body, id: `waits-${body.at}` };
    this.queuedNotes = [...this.queuedNotes, waiting];
    const stored = await this.call<Stored<Entry>>("POST", `/api/entries/${this.day}/notes`, body);
    if (!stored) return;
    this.entry.refresh(stored);
    this.queuedNotes = this.queuedNotes.filter(({ id }) => id !== waiting.id);
    this.keep();
  }

  async logMood(log: NewMoodLog): Promise<void> {
    const body = { at: new Date().toISOString(), ...log, day: this.day };
    const waiting = { ...body, id: `waits-${body.at}` };
    this.queuedMoods = [...this.queuedMoods, waiting];
    const stored = await this.call<Today["moods"]>("POST", "/api/moods/log", body);
    if (!stored) return;
    this.learn({ moods: stored });
    this.queuedMoods = this.queuedMoods.filter(({ id }) => id !== waiting.id);
  }

  /** Logged once more, as it was, when that is undone. */
  async takeBackMood({ id, ...log }: Schemas["MoodLog"]): Promise<void> {
    this.takenBack = [...this.takenBack, id];
    toasts.say(text.today.moodRemoved, () => void this.logMood(log));
    const stored = await this.call<Today["moods"]>("DELETE", `/api/moods/log/${this.day}/${id}`);
    if (stored) this.learn({ moods: stored });
  }

  /** What the server holds now, for a start without the network. */
  keep(): void {
    const { entry, morning, evening } = this;
    const at = new Date().toISOString();
    const record = (kept: Kept<Document>, before: Today["entry"]): Today["entry"] =>
      kept.known && ({ id: "", created_at: at, ...before, updated_at: before?.updated_at ?? at, etag: kept.known.etag ?? "", document: kept.known.document } as Today["entry"]);
    void journal.keepDay({
      ...this.answer,
      entry: record(entry as unknown as Kept<Document>, this.answer.entry),
      morning: record(morning as unknown as Kept<Document>, this.answer.morning as Today["entry"]) as Today["morning"],
      evening: record(evening as unknown as Kept<Document>, this.answer.evening as Today["entry"]) as Today["evening"],
    });
  }

  private learn(change: Partial<Today>): void {
    this.answer = { ...this.answer, ...change };
    this.keep();
  }

  private async queue(): Promise<void> {
    this.show(await outbox.pending());
  }

  private show(calls: readonly Call[]): void {
    const { habits, notes, moods, takenBack } = withQueued(this.answer, calls);
    this.answer = { ...this.answer, habits };
    this.queuedNotes = notes;
    this.queuedMoods = moods;
    this.takenBack = takenBack;
  }

  /** One after the other: of two ticks of one habit the later must win. Undefined when it was refused, and said so. */
  private call<T>(method: "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<T | null | undefined> {
    const called = this.inOrder.then(() => outbox.call<T>(method, path, body)).catch(async (problem: unknown) => {
      toasts.say(messageOf(problem));
      await this.reload();
      return undefined;
    });
    this.inOrder = called;
    return called;
  }
}

const opened = <T extends Document>(path: string, stored: unknown): Promise<Kept<T>> =>
  Kept.open<T>(path, stored as Stored<T> | null, { box: session.box, ...(beginningOf(path) as { empty: T; unions: readonly string[] }) });
