/** What a habit's streak says, in the style that the writer chose. Nothing here scolds: what is not there is not mentioned. */
import type { Schemas } from "$/api/client";
import { text } from "$/text";

const WORTH_TELLING = 2; // a streak of one is a tick

export function streakWords(
  habit: Schemas["Habit"],
  streak: Schemas["HabitStreak"] | undefined,
  style: "forgiving" | "hidden" | "plain" = "forgiving",
): string {
  if (!streak || style === "hidden") return "";
  const words = habit.schedule?.every === "week" ? text.today.streakWeeks : text.today.streakDays;
  if (style === "plain") return words(streak.current);
  if (streak.current >= WORTH_TELLING) return words(streak.current);
  return streak.done > 0 && streak.due > 0 ? text.today.recently(streak.done, streak.due) : "";
}
