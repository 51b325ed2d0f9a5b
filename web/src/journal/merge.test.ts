import { describe, expect, it } from "vitest";
import { isSame, joined, merge } from "./merge";

describe("merge", () => {
  it("takes each field from the side that changed it", () => {
    const base = { title: "", body: "a", tags: ["x"] };
    expect(merge(base, { ...base, body: "a b" }, { ...base, title: "T" })).toEqual({
      document: { title: "T", body: "a b", tags: ["x"] },
      conflicts: [],
    });
  });

  it("chooses nothing where both changed the same field", () => {
    expect(merge({ body: "a" }, { body: "mine" }, { body: "theirs" })).toEqual({ document: { body: "mine" }, conflicts: ["body"] });
  });

  it("sees no conflict where both wrote the same", () => {
    expect(merge({ body: "a" }, { body: "b" }, { body: "b" }).conflicts).toEqual([]);
  });

  it("treats a document that came into being on both sides as changed from nothing", () => {
    expect(merge<Record<string, unknown>>(null, { body: "mine" }, { title: "T", body: "" })).toEqual({
      document: { title: "T", body: "mine" },
      conflicts: [],
    });
  });

  it("keeps what I wrote when the document was deleted meanwhile, and says so where it had been something else", () => {
    expect(merge({ body: "a" }, { body: "a b" }, null)).toEqual({ document: { body: "a b" }, conflicts: ["body"] });
  });

  it("joins lists by what was added and taken out on either side", () => {
    const base = { tags: ["a", "b"] };
    const { document, conflicts } = merge(base, { tags: ["a", "b", "mine"] }, { tags: ["b", "theirs"] }, ["tags"]);
    expect(document.tags).toEqual(["b", "theirs", "mine"]);
    expect(conflicts).toEqual([]);
  });
});

it("counts a missing member as the default", () => {
  expect(isSame({ body: "a", title: "" }, { body: "a", tags: [] })).toBe(true);
  expect(isSame({ completed: false }, {})).toBe(false);
});

it("joins texts without repeating one that holds the other", () => {
  expect(joined("a b", "a")).toBe("a b");
  expect(joined("mine", "theirs")).toBe("theirs\n\nmine");
});

it("joins only what differs between texts that begin or end alike", () => {
  expect(joined("Rain. A heron came.", "Rain. The water rose.")).toBe("Rain. The water rose.\n\nA heron came.");
  expect(joined("A heron came.\nGood night.", "The water rose.\nGood night.")).toBe("The water rose.\n\nA heron came.\nGood night.");
  expect(joined("One. Two. Mine! Four.", "One. Two. Theirs… Four.")).toBe("One. Two. Theirs…\n\nMine! Four.");
  expect(joined("One. Mine. Two.", "One. Two. Three.")).toBe("One. Two. Three.\n\nMine. Two.");
});

it("loses no sentence when it joins, and keeps those whole that only begin alike", () => {
  expect(joined("The water fell. Two.", "The water rose. Two.")).toBe("The water rose.\n\nThe water fell. Two.");
  expect(joined("One.  Two. Three.", "One. Three. ")).toBe("One.  Two. Three.");
  expect(joined("3.5 km. Mine.", "3.5 miles. Theirs.")).toBe("3.5 miles. Theirs.\n\n3.5 km. Mine.");
  expect(joined("One. One.", "One. Two. One.")).toBe("One. Two. One.");
});
