import { expect, test } from "vitest";
import { whenOf, type Names } from "./when";

const ENGLISH = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const GERMAN = ["januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember"];
const names: Names = {
  months: ENGLISH.map((name, at) => [name, GERMAN[at] ?? ""]),
  weekdays: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"].map((name) => [name]),
  today: ["today"],
  yesterday: ["yesterday"],
};
const when = (words: string): string | null => whenOf(words, "2026-11-22", names); // a Sunday

test("days as people type them", () => {
  expect(when("2026-11-03")).toBe("2026-11-03");
  expect(when(" Yesterday ")).toBe("2026-11-21");
  expect(when("3 nov")).toBe("2026-11-03");
  expect(when("November 3, 2024")).toBe("2024-11-03");
  expect(when("3rd november")).toBe("2026-11-03");
  expect(when("3. märz 2025")).toBe("2025-03-03");
  expect(when("3.11.")).toBe("2026-11-03");
  expect(when("3.11.2024")).toBe("2024-11-03");
});

test("without a year it is the last such day, and a weekday is the last one before today", () => {
  expect(when("24 dec")).toBe("2025-12-24");
  expect(when("29 feb")).toBe("2024-02-29");
  expect(when("friday")).toBe("2026-11-20");
  expect(when("sun")).toBe("2026-11-15");
});

test("what has not come yet, and what is no day, is none", () => {
  for (const words of ["2026-11-23", "3 nov 2030", "31 feb", "ma", "3/11", "3 4", "walk in november", "2026-13-01", ""]) expect(when(words)).toBeNull();
});
