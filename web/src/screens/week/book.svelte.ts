/** One week that is open: its recap, being written; last week's, whose corrections are ticked; and the scores of both. */
import { api, ask, send, type Schemas } from "$/api/client";
import { messageOf, Problem } from "$/api/problem";
import { shifted, weekShifted } from "$/journal/days";
import { beginningOf, journal } from "$/journal/journal.svelte";
import { Kept } from "$/journal/kept.svelte";
import { Named } from "$/journal/named.svelte";
import { outbox } from "$/journal/outbox.svelte";
import type { Stored } from "$/journal/stored";
import { setCorrectionDone } from "$/screens/today/corrections";
import { meanOf, type Pillar, type Scores } from "$/screens/pillars/pillar";
import { session } from "$/session.svelte";
import { toasts } from "$/ui/toasts.svelte";
import { daysOf, scoringDay, type Recap } from "./recap";

const PATTERN_DAYS = 90;

export interface Look {
  entries: Map<string, Schemas["DailyEntry"]>;
  insights: Schemas["Insights"];
}

export class WeekBook {
  previous: Recap | null = $state.raw(null);
  scores: Scores = $state.raw({});
  /** The latest first. */
  others: Schemas["WeeklyRecapRecord"][] = [];
  readonly days: readonly string[];
  readonly daysBefore: readonly string[];
  /** Whose score the sliders set. */
  readonly scoredDay: string;
  /** Days whose scores do not open. */
  lost: readonly string[] = [];
  private looking: Promise<Look> | null = null;
  private finding: Promise<Schemas["Patterns"]> | null = null;
  private inOrder: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly week: string,
    readonly kept: Kept<Recap>,
    readonly pillars: Named<Pillar>,
  ) {
    this.days = daysOf(week);
    this.daysBefore = daysOf(weekShifted(week, -1));
    this.scoredDay = scoringDay(week, journal.day);
  }

  static async open(week: string): Promise<WeekBook> {
    const path = `/api/weekly/${week}`;
    const pillars = new Named<Pillar>("/api/pillars");
    const [recaps, scores] = await Promise.all([
      ask(api.GET("/api/weekly")),
      ask(api.GET("/api/pillars/scores", { params: { query: { from: shifted(daysOf(week)[0] ?? "", -7), to: daysOf(week)[6] ?? "" } } })),
      pillars.load(),
    ]);
    const recapOf = (wanted: string): Stored<Recap> | null => recaps.items.find(({ id }) => id === wanted) ?? null;
    // one that does not open is in no list: it must not be taken for one that is not there
    const recap = recapOf(week) ?? (recaps.unreadable.length > 0 ? await found<Stored<Recap>>(path) : null);
    const kept = await Kept.open<Recap>(path, recap, { box: session.box, ...(beginningOf(path) as { empty: Recap; unions: readonly string[] }) });
    const book = new WeekBook(week, kept, pillars);
    book.previous = recapOf(weekShifted(week, -1))?.document ?? null;
    book.others = recaps.items.filter(({ id }) => id !== week).sort((one, other) => (one.id < other.id ? 1 : -1));
    book.scores = scores.days;
    book.lost = scores.unreadable_days;
    return book;
  }

  get recap(): Recap {
    return this.kept.document;
  }

  get isScored(): boolean {
    return this.days.some((day) => Object.keys(this.scores[day] ?? {}).length > 0);
  }

  meanOf(pillar: string): { mean: number; days: number } | null {
    return meanOf(this.scores, pillar, this.days);
  }

  /** As the recap of last week holds it, else as it was scored. */
  lastWeekOf(pillar: string): number | null {
    return this.previous?.pillar_scores?.[pillar]?.mean ?? meanOf(this.scores, pillar, this.daysBefore)?.mean ?? null;
  }

  /** Shown at once; sent one after the other, as the last one counts. Null takes a score away. */
  score(pillar: string, value: number | null, note: string): void {
    const day = this.scoredDay;
    const { [pillar]: _, ...others } = this.scores[day] ?? {};
    const score = value === null ? null : { value, note };
    this.scores = { ...this.scores, [day]: score ? { ...others, [pillar]: score } : others };
    this.inOrder = this.inOrder
      .then(() => outbox.call("PUT", `/api/pillars/scores/${day}`, { scores: { [pillar]: score } }))
      .catch((problem: unknown) => toasts.say(messageOf(problem)));
  }

  /** Of a correction that last week's recap holds. */
  async tickPrevious(words: string, isDone: boolean): Promise<void> {
    const before = this.previous;
    const corrections = (before?.corrections ?? []).map((one) => (one.text === words ? { ...one, done: isDone } : one));
    this.previous = { ...before, corrections };
    try {
      await setCorrectionDone(this.week, words, isDone);
    } catch (problem) {
      this.previous = before;
      toasts.say(messageOf(problem));
    }
  }

  /** Throws the `Problem` of a refusal. What is being written goes first; a week of which nothing was written is closed too. */
  async complete(): Promise<void> {
    const path = `/api/weekly/${this.week}`;
    await this.inOrder;
    await this.kept.flush();
    if (this.kept.isUnsent) throw new Problem(0);
    if (!this.kept.known) await send("PUT", path, {});
    this.kept.refresh(await send<Stored<Recap>>("POST", `${path}/complete`));
  }

  look(): Promise<Look> {
    return (this.looking ??= this.loadLook().catch((problem: unknown) => {
      this.looking = null;
      throw problem;
    }));
  }

  patterns(): Promise<Schemas["Patterns"]> {
    return (this.finding ??= this.loadPatterns().catch((problem: unknown) => {
      this.finding = null;
      throw problem;
    }));
  }

  private async loadLook(): Promise<Look> {
    const query = { from: this.days[0] ?? "", to: this.days[6] ?? "" };
    const [entries, insights] = await Promise.all([ask(api.GET("/api/entries", { params: { query } })), ask(api.GET("/api/insights", { params: { query } }))]);
    return { entries: new Map(entries.items.map(({ id, document }) => [id, document])), insights };
  }

  private async loadPatterns(): Promise<Schemas["Patterns"]> {
    const query = { from: shifted(this.scoredDay, 1 - PATTERN_DAYS), to: this.scoredDay };
    return (await ask(api.GET("/api/insights", { params: { query } }))).patterns;
  }
}

async function found<T>(path: string): Promise<T | null> {
  try {
    return await send<T>("GET", path);
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return null;
    throw problem;
  }
}
