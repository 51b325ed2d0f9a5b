/** What became of each day of a habit, as the server counts it (`timos.vault.collections.morning_habits`), for drawing. */
import type { Schemas } from "$/api/client";
import type { HabitOutcome, HabitRow } from "$/charts/HabitGrid.svelte";
import { dayNow, range, weekdayOf } from "$/journal/days";

type Habit = Schemas["Habit"];
type Tick = Schemas["Tick"];
type Preferences = Schemas["Preferences"];

interface Days {
  first: string;
  last: string;
  today: string;
  /** The habit's first day: nothing before it is held against it. */
  since: string;
  /** Missed days of a calendar month that a streak survives. */
  grace: number;
}

export const graceOf = (preferences: Preferences | null): number => (preferences?.streak_style === "plain" ? 0 : 2);

/** A row for each habit that is not archived, in the writer's order. */
export function habitRows(
  habits: readonly Schemas["HabitRecord"][],
  ticks: Schemas["HabitHistory"]["days"],
  { first, last, today, preferences }: { first: string; last: string; today: string; preferences: Preferences | null },
): HabitRow[] {
  return habits
    .filter(({ document }) => !document.archived_at)
    .sort((one, other) => one.document.position - other.document.position)
    .map(({ id, created_at, document }) => {
      const since = dayNow(preferences, new Date(created_at));
      const days = outcomes(document, (day) => ticks[day]?.[id], { first, last, today, since, grace: graceOf(preferences) });
      return { id, name: document.name, days };
    });
}

/** The earliest misses of each month are the forgiven ones; of a month that begins before `first` only those that are seen count. */
export function outcomes(habit: Habit, tickOf: (day: string) => Tick | undefined, { first, last, today, since, grace }: Days): HabitOutcome[] {
  const misses = new Map<string, number>();
  return range(first, last).map((day) => {
    const outcome = outcomeOf(habit, tickOf(day), day, today, since);
    if (outcome !== "missed") return outcome;
    const before = misses.get(day.slice(0, 7)) ?? 0;
    misses.set(day.slice(0, 7), before + 1);
    return before < grace ? "forgiven" : "missed";
  });
}

function outcomeOf(habit: Habit, tick: Tick | undefined, day: string, today: string, since: string): HabitOutcome {
  if (tick && !tick.skipped && tick.value >= habit.target) return "done";
  if (habit.pauses.some((pause) => pause.from <= day && (!pause.to || day <= pause.to))) return "paused";
  const { schedule } = habit;
  if (day < since || (schedule.every === "weekdays" && !schedule.days.includes(weekdayOf(day)))) return "not_due";
  if (tick?.skipped) return "skipped";
  if (day >= today) return "open";
  return schedule.every === "week" ? "not_due" : "missed"; // so many times a week: no day of them is missed by itself
}
