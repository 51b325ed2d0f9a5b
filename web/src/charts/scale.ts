/** Geometry of the charts: pure, in CSS pixels, y pointing down. */
import { dateOf, range, shifted } from "$/journal/days";

export type Gappy = readonly (number | null)[];
export type Point = readonly [x: number, y: number];
export type Scale = (value: number) => number;

/** A domain without extent goes to the middle. */
export function linear([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale {
  return (value) => (from === to ? (start + end) / 2 : start + ((value - from) / (to - from)) * (end - start));
}

/** Round numbers that span both ends, at most about `most` of them. */
export function ticks(low: number, high: number, most = 5): number[] {
  const raw = Math.max(high - low, Number.EPSILON) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** A line that stops at a gap and begins again after it; a point alone is a stroke without length, which round caps make a dot. */
export function path(points: readonly (Point | null)[]): string {
  let isDrawing = false;
  let drawn = "";
  points.forEach((point, index) => {
    if (!point) return void (isDrawing = false);
    drawn += `${isDrawing ? "L" : "M"}${short(point[0])} ${short(point[1])}`;
    if (!isDrawing && !points[index + 1]) drawn += "h0";
    isDrawing = true;
  });
  return drawn;
}

const short = (value: number): string => String(Math.round(value * 10) / 10);

/** A point of a radar: the first axis points up, the others follow clockwise. `share` is 0 at the centre, 1 at the rim. */
export function radarPoint(index: number, axes: number, share: number, centre: Point, radius: number): Point {
  const angle = (index / axes) * 2 * Math.PI - Math.PI / 2;
  return [centre[0] + Math.cos(angle) * radius * share, centre[1] + Math.sin(angle) * radius * share];
}

export const outline = (points: readonly Point[]): string => points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");

export interface Cell {
  index: number;
  column: number;
  row: number;
}

/** Weeks as columns, weekdays as rows; `startsOn` is the ISO weekday of the first row. The last `columns` weeks when that is given. */
export function weekGrid(first: string, days: number, startsOn = 1, columns = Infinity): { cells: Cell[]; columns: number } {
  const offset = (dateOf(first).getUTCDay() + 7 - (startsOn % 7)) % 7;
  const all = Math.ceil((offset + days) / 7);
  const skipped = Math.max(0, all - columns);
  const cells: Cell[] = [];
  for (let index = 0; index < days; index += 1) {
    const column = Math.floor((offset + index) / 7) - skipped;
    if (column >= 0) cells.push({ index, column, row: (offset + index) % 7 });
  }
  return { cells, columns: all - skipped };
}

/** Where to write a date under `days` days: month starts over a long range, else every so many days back from the last. */
export function dateTicks(first: string, days: number, most: number): { index: number; day: string; isMonth: boolean }[] {
  const all = range(first, shifted(first, days - 1)).map((day, index) => ({ index, day }));
  if (days > 62) {
    const months = all.filter(({ day }) => day.endsWith("-01"));
    const every = [1, 2, 3, 4, 6, 12].find((step) => months.length / step <= most) ?? 12;
    return months.filter((_, index) => index % every === 0).map((tick) => ({ ...tick, isMonth: true }));
  }
  const step = [1, 2, 7, 14, 28].find((size) => days / size <= most) ?? 56;
  return all.filter(({ index }) => (days - 1 - index) % step === 0).map((tick) => ({ ...tick, isMonth: false }));
}

/** 0 for nothing, 1 to 4 for a share of the most. */
export function heatLevel(value: number | null, most: number): 0 | 1 | 2 | 3 | 4 {
  if (value === null || value <= 0 || most <= 0) return 0;
  return Math.min(4, Math.max(1, Math.ceil((value / most) * 4 - 1e-9))) as 1 | 2 | 3 | 4;
}

/** For a label below a point: in its middle where that has room, else flush with the edge. */
export function placed(x: number, label: string, width: number): { x: number; "text-anchor": "start" | "middle" | "end" } {
  const half = (widthOf(label) + LETTER) / 2; // fonts differ
  if (x + half > width) return { x: width, "text-anchor": "end" };
  return x - half < 0 ? { x: 0, "text-anchor": "start" } : { x, "text-anchor": "middle" };
}

const LETTER = 6.6; // px, the mean width of one at 12 px: an estimate is enough to know where to cut

export const widthOf = (name: string): number => [...name].length * LETTER;

/** As much of a name as has room; the whole of it stands in the readout and in the table. */
export function fitted(name: string, room: number): string {
  const letters = Math.max(1, Math.floor(room / LETTER));
  const all = [...name];
  return all.length <= letters ? name : `${all.slice(0, letters - 1).join("").trimEnd()}…`;
}
