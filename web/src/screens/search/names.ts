/** Names of months and weekdays, in English and as the writer has dates. */
import { shifted } from "$/journal/days";
import { text } from "$/text";
import { fullDay, shortMonth, weekday } from "$/text/format";
import type { Names } from "./when";

const MONDAY = "2026-01-05";
const english = (day: string, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat("en", { timeZone: "UTC", ...options }).format(new Date(`${day}T00:00:00Z`)).toLowerCase();

export function namesOfDays(): Names {
  const months = Array.from({ length: 12 }, (_, at) => `2026-${String(at + 1).padStart(2, "0")}-15`);
  const days = Array.from({ length: 7 }, (_, at) => shifted(MONDAY, at));
  const lettersOf = (words: string): string => /\p{L}{3,}/u.exec(words.toLowerCase())?.[0] ?? ""; // “15. November 2026”
  return {
    months: months.map((day) => [english(day, { month: "long" }), shortMonth(day).toLowerCase(), lettersOf(fullDay(day))].filter(Boolean)),
    weekdays: days.map((day) => [english(day, { weekday: "long" }), weekday(day).toLowerCase()]),
    today: [text.shell.nav.today.toLowerCase(), "today"],
    yesterday: [text.data.palette.yesterday.toLowerCase(), "yesterday"],
  };
}
