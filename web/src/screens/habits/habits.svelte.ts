/** The habits, what was noted in twelve weeks, and what comes of it. A tick shows at once and is sent behind it, as on Today. */
import { api, ask, type Schemas } from "$/api/client";
import { messageOf } from "$/api/problem";
import { shifted } from "$/journal/days";
import { journal } from "$/journal/journal.svelte";
import { Named } from "$/journal/named.svelte";
import { outbox } from "$/journal/outbox.svelte";
import { toasts } from "$/ui/toasts.svelte";
import type { Habit } from "./habit";

export const DAYS = 84;
export type Tick = Schemas["Tick"];
export type NewTick = Pick<Tick, "value" | "skipped" | "note">;
type History = Schemas["HabitHistory"]["days"];

export class Habits {
  readonly list = new Named<Habit>("/api/habits");
  history: History = $state.raw({});
  /** Days that do not open. */
  lost: readonly string[] = $state.raw([]);
  private streaks: Map<string, Schemas["HabitStreak"]> = $state.raw(new Map());
  private inOrder: Promise<unknown> = Promise.resolve();

  async load(): Promise<void> {
    await Promise.all([this.list.load(), this.loadHistory(), this.loadStreaks()]);
  }

  tickOf(id: string, day: string): Tick | null {
    return this.history[day]?.[id] ?? null;
  }

  streakOf(id: string): Schemas["HabitStreak"] | undefined {
    return this.streaks.get(id);
  }

  /** Null takes back what was noted. One call after the other: of two ticks of one habit the later must win. */
  tick(id: string, day: string, tick: NewTick | null): void {
    const { [id]: _, ...others } = this.history[day] ?? {};
    this.history = { ...this.history, [day]: tick ? { ...others, [id]: { at: null, ...tick } } : others };
    const path = `/api/habits/${id}/days/${day}`;
    this.inOrder = this.inOrder
      .then(() => outbox.call(tick ? "PUT" : "DELETE", path, tick ?? undefined))
      .then(() => this.loadStreaks())
      .catch(async (problem: unknown) => {
        toasts.say(messageOf(problem));
        await this.loadHistory().catch(() => undefined);
      });
  }

  private async loadHistory(): Promise<void> {
    const query = { from: shifted(journal.day, 1 - DAYS), to: journal.day };
    const { days, unreadable_days: lost } = await ask(api.GET("/api/habits/history", { params: { query } }));
    this.history = days;
    this.lost = lost;
  }

  /** The list is whole without them. */
  private async loadStreaks(): Promise<void> {
    const found = await ask(api.GET("/api/habits/streaks", { params: { query: { day: journal.day } } })).catch(() => null);
    if (found) this.streaks = new Map(found.habits.map((one) => [one.id, one]));
  }
}
