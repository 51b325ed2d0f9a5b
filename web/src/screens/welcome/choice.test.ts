import { expect, test } from "vitest";
import { planOf } from "./choice";

const known = [
  { id: "1", document: { name: "Health", archived_at: null } },
  { id: "2", document: { name: "Work", archived_at: "2026-01-01T00:00:00Z" } },
  { id: "3", document: { name: "Money", archived_at: null } },
];

test("what is there stays, what is new is made, what is no longer wanted is only archived", () => {
  expect(planOf(["health ", "WORK", "Garden"], known)).toEqual({ create: ["Garden"], restore: ["2"], archive: ["3"] });
});

test("the same choice again asks for nothing", () => {
  expect(planOf(["Health", "Money"], known)).toEqual({ create: [], restore: [], archive: [] });
});
