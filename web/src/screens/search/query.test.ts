import { expect, test } from "vitest";
import { queryOf } from "./query";

test("the last word may be just begun", () => {
  expect(queryOf("walk riv")).toBe("walk riv*");
  expect(queryOf("Früh")).toBe("Früh*");
});

test("what is meant as it stands is left as it stands", () => {
  for (const words of ["riv*", '"by the river"', '"by the riv', "don't", "日本", "a"]) expect(queryOf(words)).toBe(words);
  expect(queryOf("river ")).toBe("river");
});
