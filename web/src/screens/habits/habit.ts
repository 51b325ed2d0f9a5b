/** What is said of a habit: pure, for the list and the form. */
import type { Schemas } from "$/api/client";
import { text } from "$/text";
import { dayOfWeekday, number, shortWeekday } from "$/text/format";

export type Habit = Schemas["Habit"];
export type Schedule = Habit["schedule"];
export type Pause = Schemas["Pause"];
type Streak = Pick<Schemas["HabitStreak"], "current" | "best" | "done" | "due">;
type Style = Schemas["Preferences"]["streak_style"];

const WORTH_TELLING = 2; // a streak of one is a tick
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7] as const;

/** “Mon, Tue and Wed” or “3 times a week”, with what is enough for a day. */
export function scheduleWords({ schedule, kind, target, unit }: Pick<Habit, "schedule" | "kind" | "target" | "unit">): string {
  const words = text.loop.habits;
  const amount = kind === "check" ? "" : `${number(target, 2)} ${unit || (kind === "minutes" ? words.minutes : "")}`.trim();
  return [amount, whenWords(schedule)].filter(Boolean).join(" · ");
}

function whenWords(schedule: Schedule): string {
  const words = text.loop.habits;
  if (schedule.every === "week") return words.perWeek(schedule.times);
  if (schedule.every === "day" || schedule.days.length === WEEKDAYS.length) return words.everyDay;
  return words.onDays(WEEKDAYS.filter((day) => schedule.days.includes(day)).map((day) => shortWeekday(dayOfWeekday(day))));
}

/** What went well, in the style that the person chose. Nothing here scolds: a streak that ended is not mentioned. */
export function streakParts({ schedule }: Pick<Habit, "schedule">, streak: Streak | undefined, style: Style = "forgiving"): string[] {
  if (!streak || style === "hidden") return [];
  const words = text.loop.habits;
  const isWeekly = schedule.every === "week";
  const length = (isWeekly ? words.streakWeeks : words.streakDays)(streak.current);
  const share = (isWeekly ? words.ofWeeks : words.ofLast)(streak.done, streak.due);
  return [...(style === "plain" || streak.current >= WORTH_TELLING ? [length] : []), ...(streak.done > 0 ? [share] : [])];
}

export function bestWords({ schedule }: Pick<Habit, "schedule">, streak: Streak | undefined, style: Style = "forgiving"): string {
  if (!streak || style === "hidden" || streak.best < WORTH_TELLING) return "";
  const words = text.loop.habits;
  return words.best((schedule.every === "week" ? words.streakWeeks : words.streakDays)(streak.best));
}
