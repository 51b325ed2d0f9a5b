import { expect, it } from "vitest";
import { bestWords, scheduleWords, streakParts } from "./habit";

const daily = { schedule: { every: "day" } } as const;
const weekly = { schedule: { every: "week", times: 3 } } as const;

it("shows no streak to whom it is hidden", () => {
  const streak = { current: 12, best: 14, done: 26, due: 30 };
  expect([streakParts(daily, streak, "hidden"), bestWords(daily, streak, "hidden")]).toEqual([[], ""]);
  expect(streakParts(daily, streak, "forgiving")).toEqual(["12 days", "26 of the last 30"]);
});

it("does not mention a streak that has ended, unless plainness was chosen", () => {
  const streak = { current: 0, best: 9, done: 4, due: 30 };
  expect(streakParts(daily, streak, "forgiving")).toEqual(["4 of the last 30"]);
  expect(streakParts(daily, streak, "plain")).toEqual(["0 days", "4 of the last 30"]);
  expect(streakParts(daily, { ...streak, done: 0 }, "forgiving")).toEqual([]);
});

it("counts what is done so many times a week in weeks", () => {
  expect(streakParts(weekly, { current: 2, best: 5, done: 12, due: 15 })[0]).toBe("2 weeks");
});

it("says when, and how much is enough", () => {
  expect(scheduleWords({ schedule: { every: "weekdays", days: [5, 1] }, kind: "minutes", target: 20, unit: "" })).toBe("20 min · Mon and Fri");
  expect(scheduleWords({ schedule: { every: "weekdays", days: [1, 2, 3, 4, 5, 6, 7] }, kind: "check", target: 1, unit: "" })).toBe("Every day");
});
