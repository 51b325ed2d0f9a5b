import { expect, it } from "vitest";
import { byDay, degreesAt, tagsOf } from "./mood";

it("takes a tag once, however it is spelt", () => {
  expect(tagsOf(" Work, #sleep,, work ;walk")).toEqual(["Work", "sleep", "walk"]);
});

it("shows the latest day first, and a day from its morning on", () => {
  const log = (id: string) => ({ id, at: "", mood: "good", note: "", tags: [], pillar: null });
  const logs = [
    { day: "2026-11-20", log: log("a") },
    { day: "2026-11-21", log: log("b") },
    { day: "2026-11-21", log: log("c") },
  ];
  expect(byDay(logs).map(({ day, logs: of }) => [day, ...of.map(({ id }) => id)])).toEqual([
    ["2026-11-21", "b", "c"],
    ["2026-11-20", "a"],
  ]);
});

it("keeps a point that is dragged off the pad at its edge", () => {
  expect(degreesAt(100, 100, 200)).toEqual({ valence: 0, energy: 0 });
  expect(degreesAt(900, -50, 200)).toEqual({ valence: 1, energy: 1 });
});
