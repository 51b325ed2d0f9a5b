import { expect, it } from "vitest";
import { avoidancesOf, driversOf, feelingsOf, highlightOf, isWeek, scoringDay } from "./recap";

const driver = (name: string, difference: number, low: number, high: number) => ({
  kind: "habit" as const,
  id: name,
  name,
  words: "",
  association: { n_with: 20, n_without: 20, difference, low, high },
});

it("knows which weeks there are", () => {
  expect(["2026-W53", "2026-W01", "2025-W53", "2026-W54", "2026-W00", "2026-w10", "current"].filter(isWeek)).toEqual(["2026-W53", "2026-W01"]);
});

it("scores today, and a week that is over on its last day", () => {
  expect([scoringDay("2026-W47", "2026-11-18"), scoringDay("2026-W46", "2026-11-18")]).toEqual(["2026-11-18", "2026-11-15"]);
});

it("calls only that a pattern whose interval leaves no doubt, and never a cause", () => {
  const { clear, unclear } = driversOf([driver("Read", 0.8, 0.3, 1.3), driver("Late screen", -0.6, -1, -0.2), driver("Walk", 0.4, -0.1, 0.9)]);
  expect(clear.map(({ line }) => line)).toEqual(["Read goes with better days.", "Late screen goes with harder days."]);
  expect(unclear).toEqual(["Walk"]);
});

it("tells feelings that come back often, and no others", () => {
  const share = (emotion: string, count: number, n: number) => ({ text: emotion, count, n, low: 0, high: 1 });
  const found = feelingsOf(
    [
      { weekday: 1, n: 13, top: [share("tired", 5, 13)] },
      { weekday: 2, n: 13, top: [share("calm", 2, 13)] },
      { weekday: 5, n: 10, top: [share("content", 7, 10), share("calm", 6, 10)] },
      { weekday: 7, n: 2, top: [] },
    ],
    (emotion) => emotion,
  );
  expect(found).toEqual([
    { line: "On Fridays you often feel content.", numbers: "7 of 10" },
    { line: "On Mondays you often feel tired.", numbers: "5 of 13" },
  ]);
});

it("counts the mornings of an avoidance", () => {
  expect(avoidancesOf([{ text: "the bank", days: ["2026-11-02", "2026-11-09", "2026-11-16"] }])[0]?.line).toBe("“the bank”, put off on 3 mornings.");
});

it("makes a highlight of a title, or of the first sentence", () => {
  expect(highlightOf({ title: "Errands", body: "Long." })).toBe("Errands");
  expect(highlightOf({ title: "", body: "## Monday\nStarted with the *list*, as always. Then rain." })).toBe("Monday Started with the list, as always.");
});
