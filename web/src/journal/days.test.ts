import { expect, it } from "vitest";
import { dayNow, dayOfYear, hourNow, isDay, mondayOf, range, shifted, weekOf, weekShifted, weekStartOf } from "./days";

const zurich = { time_zone: "Europe/Zurich", day_ends_at_hour: 3 };

it("counts a night to the day before, until the writer's hour", () => {
  expect(dayNow(zurich, new Date("2026-11-22T01:59:00Z"))).toBe("2026-11-21"); // 02:59 there
  expect(dayNow(zurich, new Date("2026-11-22T02:00:00Z"))).toBe("2026-11-22");
  expect(hourNow(zurich, new Date("2026-11-22T00:30:00Z"))).toBe(25);
});

it("ends a day by the wall clock when the clocks change", () => {
  expect(dayNow(zurich, new Date("2026-10-25T01:30:00Z"))).toBe("2026-10-24"); // 02:30, the second time
  expect(dayNow(zurich, new Date("2026-10-25T02:00:00Z"))).toBe("2026-10-25");
});

it("gives the days around a new year to the right ISO week", () => {
  expect(weekOf("2026-12-31")).toBe("2026-W53");
  expect(weekOf("2027-01-03")).toBe("2026-W53");
  expect(weekOf("2027-01-04")).toBe("2027-W01");
  expect(weekOf("2024-12-30")).toBe("2025-W01");
  expect(mondayOf("2026-W53")).toBe("2026-12-28");
  expect(weekShifted("2026-W53", 1)).toBe("2027-W01");
});

it("goes back and forth between a week and its Monday for a century", () => {
  for (let monday = "1970-01-05"; monday < "2070-01-01"; monday = shifted(monday, 7)) expect(mondayOf(weekOf(monday))).toBe(monday);
});

it("starts a week on the day the writer chose", () => {
  expect(weekStartOf("2026-11-22", "monday")).toBe("2026-11-16");
  expect(weekStartOf("2026-11-22", "sunday")).toBe("2026-11-22");
  expect(weekStartOf("2026-11-22", "saturday")).toBe("2026-11-21");
});

it("knows what is a day", () => {
  expect([isDay("2024-02-29"), isDay("2026-02-29"), isDay("today")]).toEqual([true, false, false]);
  expect(range("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  expect(dayOfYear("2026-11-22")).toBe(326);
});
