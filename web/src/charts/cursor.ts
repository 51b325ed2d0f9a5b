/** Moving through a chart with the keyboard. */

/** Where one step leads, by columns and rows; outside of the chart means: stay. */
export type Walk = (from: number, x: number, y: number) => number;

export const along: Walk = (from, x, y) => from + x - y * 7; // up and down: a week on, a week back
export const downwards: Walk = (from, x, y) => from + x + y;
export const throughWeeks: Walk = (from, x, y) => from + x * 7 + y;
/** Rows of equal length; a step never leaves its row sideways. */
export const throughRows =
  (columns: number): Walk =>
  (from, x, y) =>
    Math.floor((from + x) / columns) === Math.floor(from / columns) ? from + x + y * columns : -1;

const STEPS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The next place of the cursor; null when the key is not one of ours. */
export function moved(key: string, from: number | null, size: number, walk: Walk): number | null {
  if (size === 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return size - 1;
  const step = STEPS[key];
  if (!step) return null;
  if (from === null) return size - 1;
  const next = walk(from, ...step);
  return next >= 0 && next < size ? next : from;
}
