/** Days as people type them: “2026-11-03”, “3 nov”, “november 3 2025”, “3.11.”, “yesterday”, “friday”. */
import { daysBetween, isDay, shifted } from "$/journal/days";

/** Names to recognise, in lower case; months from January, weekdays from Monday. The writer's language comes beside English. */
export interface Names {
  months: readonly (readonly string[])[];
  weekdays: readonly (readonly string[])[];
  today: readonly string[];
  yesterday: readonly string[];
}

const LEAST = 3; // letters of a name; shorter ones are too often something else

/** The day that is meant, never one after `today`; null when these words are no day. Without a year it is the last such day. */
export function whenOf(words: string, today: string, names: Names): string | null {
  const typed = words.trim().toLowerCase();
  if (isDay(typed)) return typed <= today ? typed : null;
  if (names.today.includes(typed)) return today;
  if (names.yesterday.includes(typed)) return shifted(today, -1);
  const weekday = placeOf(typed, names.weekdays);
  if (weekday !== null) return lastWeekday(weekday, today);
  return byParts(typed, today, names);
}

function byParts(typed: string, today: string, names: Names): string | null {
  const parts = typed.split(/[\s,./]+/).filter(Boolean);
  if (parts.length < 2 || parts.length > 3) return null;
  const month = parts.findIndex((part) => placeOf(part, names.months) !== null);
  const year = parts.length === 3 ? numberOf(parts[2]) : null;
  if (parts.length === 3 && (year === null || year < 1000)) return null;
  if (month === 0 || month === 1) return dated(numberOf(parts[1 - month]), (placeOf(parts[month] ?? "", names.months) ?? 0) + 1, year, today);
  return typed.includes(".") ? dated(numberOf(parts[0]), numberOf(parts[1]), year, today) : null; // 3/11 is March in one country, November in another
}

function dated(day: number | null, month: number | null, year: number | null, today: string): string | null {
  if (day === null || month === null) return null;
  const on = (of: number): string => `${String(of).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  if (year !== null) return isDay(on(year)) && on(year) <= today ? on(year) : null;
  const thisYear = Number(today.slice(0, 4));
  const candidates = Array.from({ length: 8 }, (_, back) => on(thisYear - back)); // a 29 February is at most eight years ago
  return candidates.find((one) => isDay(one) && one <= today) ?? null;
}

function lastWeekday(index: number, today: string): string {
  const MONDAY = "2026-01-05";
  const now = ((daysBetween(MONDAY, today) % 7) + 7) % 7;
  return shifted(today, -((now - index + 7) % 7 || 7));
}

/** Which name these letters begin; null when none, or too few letters. */
function placeOf(letters: string, names: readonly (readonly string[])[]): number | null {
  if (letters.length < LEAST) return null;
  const found = names.findIndex((spellings) => spellings.some((name) => name.startsWith(letters)));
  return found < 0 ? null : found;
}

const numberOf = (part: string | undefined): number | null => (part && /^\d{1,4}(st|nd|rd|th)?$/.test(part) ? Number.parseInt(part, 10) : null);
