/**
 * What a chart says, in one sentence.
 *
 * - "Goes with", never "causes".
 * - Too little data is said to be too little.
 * - What may be chance is said to be.
 */
import { text } from "$/text";
import { dayOfWeekday, mean, number, percent, weekday } from "$/text/format";
import type { Gappy } from "./scale";

const say = text.charts.reading;

export const ENOUGH = 8; // values below which the server shows nothing either
const ALIKE = 0.2; // of a standard deviation: no difference that somebody would notice
const CLEAR = 0.5;
const MOST_NAMES = 3;

export type LineKind = keyof typeof say.subject;

/** A value of a line, as it is written. */
export function valueText(kind: LineKind, value: number): string {
  if (kind === "sleep_hours") return text.charts.hours(value);
  if (kind === "words") return text.charts.words(value);
  return kind === "habits" ? percent(value) : mean(value);
}

const known = (values: Gappy): number[] => values.filter((value) => value !== null);
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const varianceOf = (values: readonly number[], around: number): number => meanOf(values.map((value) => (value - around) ** 2));

/** The recent part of a range that is held against the rest. */
const recentOf = (days: number): number => (days <= 45 ? 14 : days <= 180 ? 30 : 90);

export function ofLine(kind: LineKind, values: Gappy): string {
  const subject = say.subject[kind];
  const all = known(values);
  if (all.length < ENOUGH) return say.few(all.length, ENOUGH);
  const days = recentOf(values.length);
  const [before, now] = [known(values.slice(0, -days)), known(values.slice(-days))];
  if (before.length < ENOUGH || now.length < ENOUGH) return say.mean(subject.mean, valueText(kind, meanOf(all)), all.length);
  const [then, lately] = [meanOf(before), meanOf(now)];
  const spread = Math.sqrt((varianceOf(before, then) + varianceOf(now, lately)) / 2);
  const size = Math.abs(lately - then) / (spread || Number.EPSILON);
  const figures = [valueText(kind, lately), valueText(kind, then)] as const;
  if (size < ALIKE || figures[0] === figures[1]) return say.same(subject.of, say.window(days), ...figures);
  const way = lately > then ? subject.up : subject.down;
  return say.change(subject.of, size < CLEAR ? say.little : "", way, say.window(days), ...figures);
}

export interface WeekdayMean {
  weekday: number;
  n: number;
  mean?: number | null;
  low?: number | null;
  high?: number | null;
}

export function ofWeekdays(weekdays: readonly WeekdayMean[]): string {
  const seen = weekdays.flatMap((one) => (typeof one.mean === "number" ? [{ ...one, mean: one.mean }] : []));
  const [worst, best] = [...seen].sort((one, other) => one.mean - other.mean).filter((_, index, all) => index === 0 || index === all.length - 1);
  if (!worst || !best) return say.weekdaysFew(ENOUGH);
  const isClear = (best.low ?? -Infinity) > (worst.high ?? Infinity);
  const names = [best, worst].map((one) => weekday(dayOfWeekday(one.weekday))) as [string, string];
  return (isClear ? say.weekdaysClear : say.weekdaysVague)(names[0], mean(best.mean), names[1], mean(worst.mean));
}

export interface Association {
  name: string;
  difference: number;
  low: number;
  high: number;
}

export function ofDrivers(drivers: readonly Association[]): string {
  if (drivers.length === 0) return say.driversFew(ENOUGH);
  const strongest = [...drivers].sort((one, other) => Math.abs(other.difference) - Math.abs(one.difference));
  const named = (isIt: (one: Association) => boolean): string[] =>
    strongest
      .filter(isIt)
      .slice(0, MOST_NAMES)
      .map(({ name }) => name);
  const [better, harder] = [named(({ low }) => low > 0), named(({ high }) => high < 0)];
  if (better.length > 0 && harder.length > 0) return say.both(say.better(better), say.harder(harder));
  if (better.length > 0) return say.one(say.better(better));
  return harder.length > 0 ? say.one(say.harder(harder)) : say.driversNone;
}

export interface Axis {
  name: string;
  value: number | null;
  before?: number | null;
}

export function ofRadar(axes: readonly Axis[]): string {
  const scored = axes.flatMap((axis) => (axis.value === null ? [] : [{ ...axis, value: axis.value }]));
  const [top, ...rest] = [...scored].sort((one, other) => other.value - one.value);
  const last = rest.at(-1);
  if (!top) return say.radarNone;
  if (!last) return say.radarOne(top.name, number(top.value, 1));
  const sentence =
    top.value === last.value ? say.radarEven(number(top.value, 1)) : say.radar(top.name, number(top.value, 1), last.name, number(last.value, 1));
  return sentence + changeOf(scored);
}

function changeOf(axes: readonly (Axis & { value: number })[]): string {
  const changes = axes.flatMap(({ name, value, before }) => (typeof before === "number" ? [{ name, by: value - before }] : []));
  const [most] = changes.sort((one, other) => Math.abs(other.by) - Math.abs(one.by));
  return most && Math.abs(most.by) >= 1 ? say.radarChange(most.name, number(Math.abs(most.by), 1), most.by > 0) : "";
}

export function ofHeat(values: Gappy): string {
  let [run, longest] = [0, 0];
  for (const value of values) longest = Math.max(longest, (run = value ? run + 1 : 0));
  const some = values.filter((value) => value).length;
  return say.heat(some, values.length) + (longest > 2 ? say.heatRun(longest) : "");
}

export function ofYear(levels: Gappy): string {
  const seen = known(levels);
  if (seen.length === 0) return say.yearNone;
  const counts = [1, 2, 3, 4, 5].map((level) => seen.filter((one) => one === level).length);
  return say.year(seen.length, text.charts.levelWord(counts.indexOf(Math.max(...counts)) + 1));
}

/** Weeks with how many days were at each level, heavy first. */
export function ofLevelWeeks(weeks: readonly { first: string; parts: readonly number[] }[]): string {
  const good = (parts: readonly number[]): number => (parts[3] ?? 0) + (parts[4] ?? 0);
  const all = weeks.reduce((sum, { parts }) => sum + parts.reduce((one, other) => one + other, 0), 0);
  if (all < ENOUGH) return say.few(all, ENOUGH);
  const [best] = [...weeks].sort((one, other) => good(other.parts) - good(one.parts));
  const sentence = say.stacked(weeks.reduce((sum, { parts }) => sum + good(parts), 0), all);
  return best && weeks.length > 2 && good(best.parts) > 0 ? sentence + say.stackedBest(good(best.parts), best.first) : say.one(sentence);
}

export function ofHabits(habits: readonly { name: string; done: number; due: number }[]): string {
  const [most] = [...habits].sort((one, other) => other.done - one.done);
  if (!most || most.done === 0) return say.habitsNone;
  return most.due > 0 ? say.habits(most.name, most.done, most.due) : say.habitsAlone(most.name, most.done);
}

export interface Trend {
  slope_per_week: number;
  n: number;
}

const STEADY = 0.05; // points a week: half a point in a quarter of a year

export function ofTrend(trend: Trend | undefined): string {
  if (!trend) return say.trendFew;
  if (Math.abs(trend.slope_per_week) < STEADY) return say.steady(trend.n);
  return say.trend(`${trend.slope_per_week > 0 ? "+" : "−"}${number(Math.abs(trend.slope_per_week), 2)}`, trend.n);
}

export function ofPillars(pillars: readonly { name: string; trend: Trend | undefined }[]): string {
  const [most] = pillars
    .flatMap(({ name, trend }) => (trend ? [{ name, slope: trend.slope_per_week }] : []))
    .sort((one, other) => Math.abs(other.slope) - Math.abs(one.slope));
  if (!most) return say.pillarsFew;
  return Math.abs(most.slope) < STEADY ? say.pillarsSteady : say.pillars(most.name, most.slope > 0);
}

export function ofEmotions(shares: readonly { text: string; n: number }[]): string {
  const [first] = shares;
  return first ? say.emotions(shares.slice(0, MOST_NAMES).map(({ text: word }) => word), first.n) : say.few(0, ENOUGH);
}

export function ofBalances(balances: readonly { text: string; gave: number; drained: number }[]): string {
  const most = (of: "gave" | "drained"): string | undefined => [...balances].filter((one) => one[of] > 0).sort((one, other) => other[of] - one[of])[0]?.text;
  const [giver, drainer] = [most("gave"), most("drained")];
  if (giver && drainer) return say.balanceBoth(giver, drainer);
  return giver ? say.balance(giver) : drainer ? say.balanceDrain(drainer) : say.few(0, ENOUGH);
}
