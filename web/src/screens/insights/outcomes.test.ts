import { expect, it } from "vitest";
import type { Schemas } from "$/api/client";
import { outcomes } from "./outcomes";

type Habit = Schemas["Habit"];

const read: Habit = { id: "1", name: "Read", icon: "", schedule: { every: "day" }, kind: "check", target: 1, unit: "", position: 0, pauses: [], archived_at: null };
const days = { first: "2026-11-02", last: "2026-11-08", today: "2026-11-08", since: "2026-11-01", grace: 2 };
const ticked = (value: number, skipped = false): Schemas["Tick"] => ({ value, skipped, note: "", at: null });
const done = (...which: string[]) => (day: string) => (which.includes(day.slice(-2)) ? ticked(1) : undefined);

it("forgives the first two misses of a month, and leaves today open", () => {
  expect(outcomes(read, done("03", "06"), days)).toEqual(["forgiven", "done", "forgiven", "missed", "done", "missed", "open"]);
});

it("forgives nothing where the writer wants it plain", () => {
  expect(outcomes(read, done("03"), { ...days, grace: 0 }).slice(0, 3)).toEqual(["missed", "done", "missed"]);
});

it("holds no day against a habit that was not due, paused, skipped or not there yet", () => {
  const habit: Habit = { ...read, schedule: { every: "weekdays", days: [1, 2, 3, 4, 5] }, pauses: [{ from: "2026-11-04", to: "2026-11-05" }] };
  const tick = (day: string) => (day.endsWith("06") ? ticked(0, true) : undefined);
  expect(outcomes(habit, tick, { ...days, since: "2026-11-03" })).toEqual(["not_due", "forgiven", "paused", "paused", "skipped", "not_due", "not_due"]);
});

it("misses no single day of so many times a week, and takes a value below the target as none", () => {
  const habit: Habit = { ...read, target: 20, schedule: { every: "week", times: 3 } };
  expect(outcomes(habit, (day) => ticked(day.endsWith("03") ? 25 : 10), days)).toEqual(["not_due", "done", ...Array<string>(4).fill("not_due"), "open"]);
});
