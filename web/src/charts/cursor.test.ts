import { expect, it } from "vitest";
import { along, moved, throughRows, throughWeeks } from "./cursor";

it("stays inside, and leaves other keys to the page", () => {
  expect(moved("ArrowRight", 9, 10, along)).toBe(9);
  expect(moved("ArrowLeft", 9, 10, along)).toBe(8);
  expect(moved("Home", 5, 10, along)).toBe(0);
  expect(moved("End", null, 10, along)).toBe(9);
  expect(moved("Tab", 5, 10, along)).toBeNull();
  expect(moved("ArrowRight", null, 10, along)).toBe(9); // begins with the newest
});

it("walks a calendar by weeks sideways and by days downwards", () => {
  expect(moved("ArrowLeft", 10, 21, throughWeeks)).toBe(3);
  expect(moved("ArrowDown", 10, 21, throughWeeks)).toBe(11);
});

it("does not slip from the end of one row into the next", () => {
  expect(moved("ArrowRight", 4, 15, throughRows(5))).toBe(4);
  expect(moved("ArrowDown", 4, 15, throughRows(5))).toBe(9);
});
