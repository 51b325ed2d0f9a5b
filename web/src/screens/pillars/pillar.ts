/** What a pillar looks like and how it does: pure, for all screens that show one. */
import type { Schemas } from "$/api/client";
import type { Stored } from "$/journal/stored";

/** As it is sent: whatever is not named has its default. */
export type Pillar = Partial<Schemas["Pillar"]> & { name: string };
export type PillarRecord = Stored<Pillar>;
/** By day, then by pillar. */
export type Scores = Record<string, Record<string, { value: number; note?: string }>>;
type PillarWeek = Schemas["PillarWeek"];

export const COLOURS = ["p1", "p2", "p3", "p4", "p5", "p6"] as const;
const ENOUGH_OF_A_WEEK = 3; // scores are given less often than moods
const STEADY = 0.5; // of ten points, over the whole time: less is nothing to speak of

/** The least used colour, for a new pillar. */
export function freeColour(pillars: readonly Pillar[]): string {
  const uses = (colour: string): number => pillars.filter((pillar) => (pillar.colour ?? "p1") === colour).length;
  return [...COLOURS].sort((one, other) => uses(one) - uses(other))[0] ?? "p1";
}

/** By what a line through the weeks gains or loses from its first to its last. */
export function trendKind(slope: number, weeks: number): "rising" | "falling" | "steady" {
  const change = slope * (weeks - 1);
  return Math.abs(change) < STEADY ? "steady" : change > 0 ? "rising" : "falling";
}

/** The last week, of those up to `week`, in which the pillar was scored. */
export function lastScored(weeks: readonly PillarWeek[], pillar: string, week: string): { week: string; mean: number; days: number } | null {
  const scored = weeks.filter((one) => one.week <= week && one.scores[pillar]).sort((one, other) => (one.week < other.week ? 1 : -1))[0];
  const score = scored?.scores[pillar];
  return scored && score ? { week: scored.week, mean: score.mean, days: score.days } : null;
}

/** Mean of the days scored, and how many they were; null when there is none. */
export function meanOf(scores: Scores, pillar: string, days: readonly string[]): { mean: number; days: number } | null {
  const values = days.map((day) => scores[day]?.[pillar]?.value).filter((value) => value !== undefined);
  return values.length ? { mean: values.reduce((sum, value) => sum + value, 0) / values.length, days: values.length } : null;
}

/** For each day the mean of the seven that end with it; null under `ENOUGH_OF_A_WEEK` scores. */
export function meansOf7(values: readonly (number | null)[]): (number | null)[] {
  return values.map((_, at) => {
    const known = values.slice(Math.max(0, at - 6), at + 1).filter((value) => value !== null);
    return known.length < ENOUGH_OF_A_WEEK ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  });
}

/** From 0 to 1; null without a target that can be measured. */
export function progressOf({ current_value, target_value }: Pillar): number | null {
  if (!target_value || target_value <= 0 || current_value === null || current_value === undefined) return null;
  return Math.max(0, Math.min(1, current_value / target_value));
}
