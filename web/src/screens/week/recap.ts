/** What the recap is made of: pure. */
import type { Schemas } from "$/api/client";
import { isDay, mondayOf, range, shifted, weekOf } from "$/journal/days";
import { excerptOf } from "$/screens/day/excerpt";
import { text } from "$/text";
import { dayOfWeekday } from "$/text/format";

export type Recap = Partial<Schemas["WeeklyRecap"]>;
type Patterns = Schemas["Patterns"];

const LONGEST_HIGHLIGHT = 140; // characters of a first sentence
const OFTEN = 0.3; // of the days of a weekday
const OFTEN_TIMES = 3;
const MOST_FEELINGS = 4;

/** A pattern as it is kept, and the numbers behind it. */
export interface Pattern {
  line: string;
  numbers: string;
}

/** Of a calendar: 2026-W54 is none, nor is W53 of a year that has 52. */
export function isWeek(week: string): boolean {
  if (!/^[1-9]\d{3}-W\d\d$/.test(week)) return false;
  const monday = mondayOf(week);
  return isDay(monday) && weekOf(monday) === week;
}

export const daysOf = (week: string): string[] => range(mondayOf(week), shifted(mondayOf(week), 6));
export const numberOf = (week: string): number => Number(week.slice(-2));
export const yearOf = (week: string): number => Number(week.slice(0, 4));

/** The day on which a score of the recap counts: today, or the last day of a week that is over. */
export function scoringDay(week: string, today: string): string {
  const last = daysOf(week).at(-1) ?? today;
  return today < last ? today : last;
}

/** What of an entry makes a highlight: its title, else its first sentence. */
export function highlightOf(entry: Pick<Schemas["DailyEntry"], "title" | "body">): string {
  if (entry.title) return entry.title;
  const plain = excerptOf(entry.body ?? "", LONGEST_HIGHLIGHT * 3);
  return excerptOf(/^.{12,}?[.!?…](?=\s|$)/.exec(plain)?.[0] ?? plain, LONGEST_HIGHLIGHT);
}

/** What goes with better or harder days, as far as the interval leaves no doubt; the names of the others. */
export function driversOf(drivers: Patterns["drivers"]): { clear: Pattern[]; unclear: string[] } {
  const words = text.loop.week;
  const isClear = ({ association: { low, high } }: Patterns["drivers"][number]): boolean => low > 0 || high < 0;
  return {
    clear: drivers.filter(isClear).map(({ name, association: one }) => ({
      line: words.driver(name, one.difference > 0),
      numbers: words.driverNumbers(one.difference, one.n_with, one.n_without),
    })),
    unclear: drivers.filter((driver) => !isClear(driver)).map(({ name }) => name),
  };
}

/** The feelings that come back on a weekday, the most frequent first. */
export function feelingsOf(weekdays: Patterns["emotions_by_weekday"], nameOf: (emotion: string) => string): Pattern[] {
  const words = text.loop.week;
  return weekdays
    .flatMap(({ weekday, top }) => top.slice(0, 1).map((share) => ({ weekday, ...share })))
    .filter(({ count, n }) => count >= OFTEN_TIMES && count / n >= OFTEN)
    .sort((one, other) => other.count / other.n - one.count / one.n)
    .slice(0, MOST_FEELINGS)
    .map(({ weekday, text: emotion, count, n }) => ({
      line: words.feeling(dayOfWeekday(weekday), nameOf(emotion).toLocaleLowerCase()),
      numbers: words.feelingNumbers(count, n),
    }));
}

export function avoidancesOf(repeated: Patterns["repeated_avoidances"]): Pattern[] {
  const words = text.loop.week;
  return repeated.map(({ text: what, days }) => ({
    line: words.avoidance(what, days.length),
    numbers: words.avoidanceDays(days[0] ?? "", days.at(-1) ?? ""),
  }));
}

/** Mean of the values that are there. */
export function meanOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** Which of the four steps have something in them. */
export const filled = (recap: Recap, isScored: boolean): boolean[] => [
  (recap.highlights ?? []).length > 0,
  isScored,
  (recap.patterns ?? []).length > 0,
  (recap.corrections ?? []).length > 0 || Boolean(recap.reflection),
];

