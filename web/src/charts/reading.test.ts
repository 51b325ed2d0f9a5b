import { beforeAll, describe, expect, it } from "vitest";
import { useLocale } from "$/text/format";
import { ofBalances, ofDrivers, ofHeat, ofLevelWeeks, ofLine, ofRadar, ofTrend, ofWeekdays, ofYear } from "./reading";

beforeAll(() => useLocale("en"));

const alternating = (around: number, n: number): number[] => Array.from({ length: n }, (_, index) => around + (index % 2 ? 0.5 : -0.5));

describe("a line", () => {
  it("holds the last two weeks against the days before", () => {
    expect(ofLine("mental_state", [...alternating(3.1, 16), ...alternating(3.3, 14)])).toBe(
      "Mornings were a little brighter in the last two weeks: 3.3 against 3.1 before.",
    );
    expect(ofLine("sleep_hours", [...alternating(8, 60), ...alternating(6, 30)])).toBe("Nights were shorter in the last 30 days: 6.0\u00a0h against 8.0\u00a0h before.");
  });

  it("makes nothing of a difference that nobody would notice", () => {
    expect(ofLine("level", [...alternating(3.1, 16), ...alternating(3.17, 14)])).toBe("Days were much the same: 3.2 in the last two weeks, 3.1 before.");
  });

  it("says when there is too little", () => {
    expect(ofLine("level", [3, null, 4])).toBe("Too little to say yet: 2 days so far, and it takes 8.");
    expect(ofLine("habits", Array(9).fill(0.5))).toBe("The share of habits done was 50% on average, over 9 days. What changes shows after more of them.");
  });
});

it("calls a weekday brightest only where the intervals leave room for it", () => {
  const days = [
    { weekday: 1, n: 12, mean: 2.5, low: 2.2, high: 2.8 },
    { weekday: 4, n: 13, mean: 3.8, low: 3.5, high: 4.1 },
    { weekday: 5, n: 3, mean: null, low: null, high: null },
  ];
  expect(ofWeekdays(days)).toBe("Thursday is brightest (3.8) and Monday heaviest (2.5).");
  expect(ofWeekdays(days.map((day) => ({ ...day, high: 4.5 })))).toMatch(/may be chance/);
  expect(ofWeekdays(days.slice(2))).toMatch(/^Too little/);
});

describe("drivers", () => {
  const run = { name: "Run", difference: 0.8, low: 0.4, high: 1.1 };
  const late = { name: "Late screen", difference: -0.6, low: -1, high: -0.2 };
  const vague = { name: "Tea", difference: 0.1, low: -0.4, high: 0.6 };

  it("go with days and cause nothing", () => {
    expect(ofDrivers([run, vague, late])).toBe("Run goes with better days; Late screen goes with harder days.");
    expect(ofDrivers([run, { ...run, name: "Read" }])).toBe("Run and Read go with better days.");
    expect(ofDrivers([run, late])).not.toMatch(/caus|make|because/);
  });

  it("name nothing whose interval reaches across zero", () => {
    expect(ofDrivers([vague])).toBe("Nothing stands out so far: every interval reaches across zero.");
    expect(ofDrivers([])).toMatch(/^Too little/);
  });
});

it("reads a radar: the highest, the lowest and what moved", () => {
  const axes = [
    { name: "Health", value: 8, before: 7 },
    { name: "Work", value: 6, before: 8 },
    { name: "Money", value: 5, before: 5 },
  ];
  expect(ofRadar(axes)).toBe("Health is highest (8), Money lowest (5). Work fell most since last week, by 2.");
  expect(ofRadar([{ name: "Health", value: null }])).toBe("No pillar has a score this week yet.");
  expect(ofRadar(axes.map(({ name }) => ({ name, value: 7 })))).toBe("All stand at 7.");
});

it("counts what a calendar shows", () => {
  expect(ofHeat([1, 0.5, 0.2, 0, null, 1])).toBe("Something on 4 of 6 days. The longest stretch was 3 days.");
  expect(ofYear([null, 4, 4, 2])).toBe("3 days noted; most often “Good”.");
  expect(ofYear([null])).toMatch(/yet/);
  expect(ofLevelWeeks([{ first: "2026-11-16", parts: [1, 1, 1, 4, 1] }])).toBe("5 of 8 days were good or bright.");
});

it("calls a small slope steady", () => {
  expect(ofTrend({ slope_per_week: 0.01, n: 12 })).toBe("steady (12 weeks)");
  expect(ofTrend({ slope_per_week: -0.19, n: 12 })).toBe("−0.19 a week (12 weeks)");
  expect(ofTrend(undefined)).toBe("too few weeks for a trend");
});

it("does not call somebody's drainer a giver", () => {
  expect(ofBalances([{ text: "Mail", gave: 0, drained: 9 }])).toBe("Mail drained energy most often.");
});
