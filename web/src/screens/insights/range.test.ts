import { expect, it } from "vitest";
import { levelWeeks } from "./range";

it("counts days of each level by the writer's weeks, and a day without a level not at all", () => {
  const pixels = [4, null, 4, 5, 1]; // from a Friday to a Tuesday
  expect(levelWeeks("2026-11-13", pixels)).toEqual([
    { first: "2026-11-09", parts: [0, 0, 0, 2, 0] },
    { first: "2026-11-16", parts: [1, 0, 0, 0, 1] },
  ]);
  expect(levelWeeks("2026-11-13", pixels, "sunday").map(({ first }) => first)).toEqual(["2026-11-08", "2026-11-15"]);
});
