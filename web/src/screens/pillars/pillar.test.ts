import { expect, it } from "vitest";
import { freeColour, lastScored, meanOf, progressOf, trendKind } from "./pillar";

it("calls half a point over all weeks nothing", () => {
  expect([trendKind(0.02, 12), trendKind(0.1, 12), trendKind(-0.1, 12), trendKind(0.1, 4)]).toEqual(["steady", "rising", "falling", "steady"]);
});

it("knows progress only where there is something to measure", () => {
  expect(progressOf({ name: "a", current_value: 2, target_value: 4 })).toBe(0.5);
  expect(progressOf({ name: "a", current_value: 9, target_value: 4 })).toBe(1);
  expect([progressOf({ name: "a", current_value: null, target_value: 4 }), progressOf({ name: "a", current_value: 1, target_value: 0 })]).toEqual([null, null]);
});

it("means the days that were scored, and no others", () => {
  const scores = { "2026-11-16": { a: { value: 6 } }, "2026-11-17": { b: { value: 1 } }, "2026-11-18": { a: { value: 9 } } };
  expect(meanOf(scores, "a", ["2026-11-16", "2026-11-17", "2026-11-18"])).toEqual({ mean: 7.5, days: 2 });
  expect(meanOf(scores, "c", ["2026-11-16"])).toBeNull();
});

it("goes back to the last week with a score, over the turn of a year", () => {
  const weeks = [
    { week: "2026-W53", scores: { a: { mean: 4, days: 1 } } },
    { week: "2027-W01", scores: {} },
  ];
  expect(lastScored(weeks, "a", "2027-W01")?.week).toBe("2026-W53");
  expect(lastScored(weeks, "b", "2027-W01")).toBeNull();
});

it("offers the colour that is used least", () => {
  expect(freeColour([{ name: "a", colour: "p1" }, { name: "b", colour: "p2" }])).toBe("p3");
});
