import { expect, it } from "vitest";
import { dayAt, dayShifted, monthShifted, periodOf, weeksOf } from "./month";

it("reads an address, and shows this month for what is none", () => {
  expect(periodOf("2025", "2026-11-22")).toEqual({ year: "2025", month: null });
  expect(periodOf("2025-02", "2026-11-22").month).toBe("2025-02");
  for (const odd of [undefined, "2025-13", "0000", "next"]) expect(periodOf(odd, "2026-11-22").month).toBe("2026-11");
});

it("lays a month out by the writer's weeks", () => {
  const rows = weeksOf("2026-11"); // begins on a Sunday
  expect(rows.length).toBe(6);
  expect(rows[0]).toEqual([null, null, null, null, null, null, "2026-11-01"]);
  expect(weeksOf("2026-11", "sunday")[0]?.[0]).toBe("2026-11-01");
  expect(weeksOf("2026-11", "sunday").length).toBe(5);
});

it("turns to other months without leaving them short", () => {
  expect([monthShifted("2026-01", -1), monthShifted("2026-12", 1)]).toEqual(["2025-12", "2027-01"]);
  expect([dayShifted("2026-03-31", -1), dayShifted("2026-10-15", 1)]).toEqual(["2026-02-28", "2026-11-15"]);
});

it("moves by days and weeks with the arrows and leaves other keys alone", () => {
  expect(dayAt("ArrowUp", "2026-11-03")).toBe("2026-10-27");
  expect(dayAt("Home", "2026-11-18")).toBe("2026-11-16");
  expect(dayAt("End", "2026-11-18", "sunday")).toBe("2026-11-21");
  expect(dayAt("a", "2026-11-18")).toBeNull();
});
