import { describe, expect, it } from "vitest";
import { dateTicks, fitted, heatLevel, linear, path, radarPoint, ticks, weekGrid } from "./scale";

it("puts values where they belong, and a domain without extent in the middle", () => {
  expect(linear([1, 5], [100, 0])(2)).toBe(75);
  expect(linear([3, 3], [0, 10])(3)).toBe(5);
});

it("spans both ends with round numbers", () => {
  expect(ticks(1, 5)).toEqual([1, 2, 3, 4, 5]);
  expect(ticks(0, 187, 4)).toEqual([0, 100, 200]);
  expect(ticks(5.25, 8.75, 5)).toEqual([5, 6, 7, 8, 9]);
  expect(ticks(0, 0).length).toBeGreaterThan(1);
});

it("leaves a gap in the line where a day is missing, and draws a day that stands alone", () => {
  expect(path([[0, 1], [1, 2], null, [3, 4], null, [5, 6], [6, 7]])).toBe("M0 1L1 2M3 4h0M5 6L6 7");
  expect(path([null, null])).toBe("");
});

it("points the first axis of a radar up and goes on clockwise", () => {
  const [x, y] = radarPoint(1, 4, 0.5, [100, 100], 80);
  expect([x, Math.round(y)]).toEqual([140, 100]);
  expect(radarPoint(0, 6, 1, [100, 100], 80).map(Math.round)).toEqual([100, 20]);
});

describe("the grid of weeks", () => {
  it("puts every day into the row of its weekday", () => {
    const { cells, columns } = weekGrid("2026-11-18", 6); // from a Wednesday to a Monday
    expect(cells.map(({ column, row }) => [column, row])).toEqual([[0, 2], [0, 3], [0, 4], [0, 5], [0, 6], [1, 0]]);
    expect(columns).toBe(2);
  });

  it("follows the writer's first day of the week", () => {
    expect(weekGrid("2026-11-22", 1, 7).cells[0]).toEqual({ index: 0, column: 0, row: 0 }); // a Sunday
    expect(weekGrid("2026-11-22", 1, 6).cells[0]).toEqual({ index: 0, column: 0, row: 1 });
  });

  it("keeps the last weeks when there is no room for all", () => {
    const { cells, columns } = weekGrid("2026-11-02", 21, 1, 2);
    expect([columns, cells[0], cells.length]).toEqual([2, { index: 7, column: 0, row: 0 }, 14]);
  });
});

it("dates a long range by months and a short one by days, ending with the last", () => {
  expect(dateTicks("2026-08-25", 90, 6).map(({ day }) => day)).toEqual(["2026-09-01", "2026-10-01", "2026-11-01"]);
  expect(dateTicks("2026-10-24", 30, 6).map(({ day }) => day)).toEqual(["2026-10-25", "2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22"]);
});

it("shows anything at all as more than nothing", () => {
  expect([null, 0, 0.01, 0.25, 0.26, 1].map((value) => heatLevel(value, 1))).toEqual([0, 0, 1, 1, 2, 4]);
});

it("cuts a name by whole letters", () => {
  expect(fitted("No phone before nine", 60)).toBe("No phone…");
  expect(fitted("Read", 60)).toBe("Read");
});
