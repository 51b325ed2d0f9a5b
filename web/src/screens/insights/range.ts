/** What the insights of a range consist of: one answer each from four routes, and what the charts make of them. */
import { api, ask, type Schemas } from "$/api/client";
import { pillarColour } from "$/charts/colours";
import type { Gappy } from "$/charts/scale";
import { mondayOf, shifted, weekStartOf } from "$/journal/days";

export type Insights = Schemas["Insights"];
type WeekStart = Parameters<typeof weekStartOf>[1];

export const RANGES = [30, 90, 365] as const;

export interface Found {
  insights: Insights;
  history: Schemas["HabitHistory"]["days"];
  habits: Schemas["HabitRecord"][];
  pillars: Schemas["PillarRecord"][];
}

export async function load(last: string, days: number): Promise<Found> {
  const query = { from: shifted(last, 1 - days), to: last };
  const [insights, history, habits, pillars] = await Promise.all([
    ask(api.GET("/api/insights", { params: { query } })),
    ask(api.GET("/api/habits/history", { params: { query } })),
    ask(api.GET("/api/habits")),
    ask(api.GET("/api/pillars")),
  ]);
  return { insights, history: history.days, habits: habits.items, pillars: pillars.items };
}

export const isBlank = ({ lines, pillar_weeks }: Insights): boolean =>
  lines.level.n === 0 && lines.words.n === 0 && lines.sleep_hours.n === 0 && lines.habits.values.every((share) => !share) && pillar_weeks.every(({ scores }) => Object.keys(scores).length === 0);

/** How many days of each level a calendar week had, heavy first. */
export function levelWeeks(first: string, pixels: Gappy, start?: WeekStart): { first: string; parts: number[] }[] {
  const weeks = new Map<string, number[]>();
  pixels.forEach((level, index) => {
    const week = weekStartOf(shifted(first, index), start);
    const parts = weeks.get(week) ?? [0, 0, 0, 0, 0];
    if (level !== null) parts[level - 1] = (parts[level - 1] ?? 0) + 1;
    weeks.set(week, parts);
  });
  return [...weeks].map(([week, parts]) => ({ first: week, parts }));
}

/** One line for each pillar that was scored, the writer's order kept; archived ones only while they have scores here. */
export function pillarLines({ pillar_weeks, trends }: Insights, pillars: readonly Schemas["PillarRecord"][]) {
  return [...pillars]
    .sort((one, other) => one.document.position - other.document.position)
    .map(({ id, document }) => ({
      id,
      name: document.name,
      colour: pillarColour(document.colour),
      values: pillar_weeks.map(({ scores }) => scores[id]?.mean ?? null),
      trend: trends[id],
    }))
    .filter(({ values }) => values.some((value) => value !== null));
}

export const mondays = ({ pillar_weeks }: Insights): string[] => pillar_weeks.map(({ week }) => mondayOf(week));
