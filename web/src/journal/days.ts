/** Calendar days as `YYYY-MM-DD`, counted in UTC, where every day has 24 hours; and the writer's own day. */
import type { Schemas } from "$/api/client";

/** What of the preferences tells how days are counted. */
type Clock = Partial<Pick<Schemas["Preferences"], "time_zone" | "day_ends_at_hour">>;

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;
export const DAY_ENDS_AT_HOUR = 3; // the server's default
const WEEK_STARTS = { monday: 1, saturday: 6, sunday: 0 } as const;

export const dateOf = (day: string): Date => new Date(`${day}T00:00:00Z`);
export const dayOf = (date: Date): string => date.toISOString().slice(0, 10);
export const shifted = (day: string, days: number): string => dayOf(new Date(dateOf(day).getTime() + days * MS_PER_DAY));
export const daysBetween = (first: string, last: string): number => Math.round((dateOf(last).getTime() - dateOf(first).getTime()) / MS_PER_DAY);

export function isDay(text: string): boolean {
  return DAY.test(text) && !Number.isNaN(dateOf(text).getTime()) && dayOf(dateOf(text)) === text;
}

/** Both ends included. */
export function range(first: string, last: string): string[] {
  return Array.from({ length: Math.max(0, daysBetween(first, last) + 1) }, (_, index) => shifted(first, index));
}

/** The writer's day: the date on the writer's wall clock, a night counted to the day before. */
export function dayNow(preferences: Clock | null, now: Date = new Date()): string {
  const { day, hour } = wallClock(preferences, now);
  return hour < (preferences?.day_ends_at_hour ?? DAY_ENDS_AT_HOUR) ? shifted(day, -1) : day;
}

/** The hour on the writer's wall clock, 0–23; a night that belongs to the day before counts on: 24, 25, … */
export function hourNow(preferences: Clock | null, now: Date = new Date()): number {
  const { hour } = wallClock(preferences, now);
  return hour < (preferences?.day_ends_at_hour ?? DAY_ENDS_AT_HOUR) ? hour + 24 : hour;
}

/** Without a time zone the device's own, and without Intl: its beginning takes a phone longer than all else before the first paint. */
function wallClock(preferences: Clock | null, now: Date): { day: string; hour: number } {
  const zone = preferences?.time_zone;
  if (!zone) return { day: dayOf(new Date(now.getTime() - now.getTimezoneOffset() * MS_PER_MINUTE)), hour: now.getHours() };
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23", timeZone: zone } as const;
  const parts = new Map(new Intl.DateTimeFormat("en", options).formatToParts(now).map(({ type, value }) => [type, value]));
  return { day: `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`, hour: Number(parts.get("hour")) };
}

/** ISO 8601: Monday is 1, Sunday 7. */
export const weekdayOf = (day: string): number => dateOf(day).getUTCDay() || 7;

/** ISO 8601 week, as `2026-W47`: the week with its year's first Thursday is the first. */
export function weekOf(day: string): string {
  const thursday = shifted(day, 4 - weekdayOf(day));
  const number = Math.floor(daysBetween(`${thursday.slice(0, 4)}-01-01`, thursday) / 7) + 1;
  return `${thursday.slice(0, 4)}-W${String(number).padStart(2, "0")}`;
}

/** The Monday of an ISO week. */
export function mondayOf(week: string): string {
  const [year = "", number = ""] = week.split("-W");
  const fourth = `${year}-01-04`; // is in week 1
  return shifted(fourth, 1 - weekdayOf(fourth) + (Number(number) - 1) * 7);
}

export const weekShifted = (week: string, weeks: number): string => weekOf(shifted(mondayOf(week), weeks * 7));
export const dayOfYear = (day: string): number => daysBetween(`${day.slice(0, 4)}-01-01`, day) + 1;

/** The first day of the calendar week that `day` is in, by the writer's choice of week start. */
export function weekStartOf(day: string, start: keyof typeof WEEK_STARTS = "monday"): string {
  return shifted(day, -((dateOf(day).getUTCDay() - WEEK_STARTS[start] + 7) % 7));
}
