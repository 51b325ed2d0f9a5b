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
