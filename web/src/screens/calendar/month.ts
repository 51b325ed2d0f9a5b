/** A month of the calendar: its days in rows of weeks, and what is known of each. */
import { api, ask, type Schemas } from "$/api/client";
import { dateOf, dayOf, range, shifted, weekStartOf } from "$/journal/days";

type WeekStart = Parameters<typeof weekStartOf>[1];

/** `YYYY` or `YYYY-MM`; anything else is the month of `today`. */
export function periodOf(text: string | undefined, today: string): { year: string; month: string | null } {
  if (text && /^[1-9]\d{3}$/.test(text)) return { year: text, month: null };
  const isMonth = text !== undefined && /^[1-9]\d{3}-(0[1-9]|1[0-2])$/.test(text);
  const month = isMonth ? text : today.slice(0, 7);
  return { year: month.slice(0, 4), month };
}

export function monthShifted(month: string, months: number): string {
  const date = dateOf(`${month}-01`);
  date.setUTCMonth(date.getUTCMonth() + months);
  return dayOf(date).slice(0, 7);
}

export const lastOf = (month: string): string => shifted(`${monthShifted(month, 1)}-01`, -1);

/** The same day so many months on, or the last one where that month is shorter. */
export function dayShifted(day: string, months: number): string {
  const month = monthShifted(day.slice(0, 7), months);
  const last = lastOf(month);
  return `${month}-${day.slice(8) > last.slice(8) ? last.slice(8) : day.slice(8)}`;
}

/** Rows of seven; null for the days of other months. */
export function weeksOf(month: string, start?: WeekStart): (string | null)[][] {
  const [first, last] = [`${month}-01`, lastOf(month)];
  const rows: (string | null)[][] = [];
  for (let week = weekStartOf(first, start); week <= last; week = shifted(week, 7)) {
    rows.push(range(week, shifted(week, 6)).map((day) => (day.startsWith(month) ? day : null)));
  }
  return rows;
}

/** Where a key leads from a day; null when the key is not one of ours. */
export function dayAt(key: string, day: string, start?: WeekStart): string | null {
  const steps: Record<string, () => string> = {
    ArrowLeft: () => shifted(day, -1),
    ArrowRight: () => shifted(day, 1),
    ArrowUp: () => shifted(day, -7),
    ArrowDown: () => shifted(day, 7),
    Home: () => weekStartOf(day, start),
    End: () => shifted(weekStartOf(day, start), 6),
    PageUp: () => dayShifted(day, -1),
    PageDown: () => dayShifted(day, 1),
  };
  return steps[key]?.() ?? null;
}

export interface DayKnown {
  level: number | null;
  /** Null: no entry. Empty: one without a title. */
  title: string | null;
  /** Done of what was due. */
  habits: number | null;
}

export interface MonthKnown {
  days: Map<string, DayKnown>;
  unreadable: number;
}

export async function loadMonth(month: string, today: string): Promise<MonthKnown> {
  const [from, end] = [`${month}-01`, lastOf(month)];
  if (from > today) return { days: new Map(), unreadable: 0 };
  const query = { from, to: end < today ? end : today };
  const [insights, entries] = await Promise.all([
    ask(api.GET("/api/insights", { params: { query } })),
    ask(api.GET("/api/entries", { params: { query } })),
  ]);
  return { days: known(insights, entries.items), unreadable: insights.unreadable };
}

function known({ first, pixels, lines }: Schemas["Insights"], entries: readonly Schemas["DailyEntryRecord"][]): Map<string, DayKnown> {
  const titles = new Map(entries.map(({ document }) => [document.day, document.title]));
  return new Map(
    pixels.map((level, index) => {
      const day = shifted(first, index);
      return [day, { level, title: titles.get(day) ?? null, habits: lines.habits.values[index] ?? null }];
    }),
  );
}

/** Levels from the first of January on. */
export async function loadYear(year: string, today: string): Promise<Schemas["Insights"] | null> {
  const [from, end] = [`${year}-01-01`, `${year}-12-31`];
  if (from > today) return null;
  return ask(api.GET("/api/insights", { params: { query: { from, to: end < today ? end : today } } }));
}
