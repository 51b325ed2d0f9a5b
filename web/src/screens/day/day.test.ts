import { expect, it } from "vitest";
import type { Today } from "$/journal/journal.svelte";
import type { Call } from "$/journal/outbox.svelte";
import { chosenOf, families, feelingOf, likely, type Emotion } from "./emotions";
import { excerptOf } from "./excerpt";
import { hoursOf } from "./hours";
import { blocksOf, safeHref } from "./markdown";
import { withQueued } from "./queued";
import { rhythmOf } from "./rhythm";
import { dueOf, stepsOf } from "./steps";
import { countWords } from "./words";

const WORDS: Emotion[] = [
  { id: "calm", name: "Calm", valence: 0.6, energy: -0.6 },
  { id: "close", name: "Close to somebody", valence: 0.8, energy: 0.1 },
  { id: "anxious", name: "Anxious", valence: -0.6, energy: 0.6 },
  { id: "surprised", name: "Surprised", valence: 0.1, energy: 0.7 },
];

it("stores the first word as the strongest, and places only words that it knows", () => {
  expect(feelingOf(["anxious", "calm", "like Sunday"], WORDS)).toEqual({ strongest_emotion: "anxious", emotions: ["calm", "like Sunday"], valence: 0, energy: 0 });
  expect(feelingOf(["like Sunday"], WORDS)).toMatchObject({ valence: null, energy: null });
  expect(feelingOf([], WORDS)).toEqual({ strongest_emotion: null, emotions: [], valence: null, energy: null });
  expect(chosenOf("calm", ["anxious", "calm"])).toEqual(["calm", "anxious"]);
});

it("shows every word in one family, and offers what is chosen before what was used before what is usual", () => {
  expect(families(WORDS).map(({ family, words }) => [family, words.length])).toEqual([
    ["pleasant-still", 2],
    ["between", 1],
    ["unpleasant-stirred", 1],
  ]);
  expect(likely(["c"], ["a", "b", "c"], ["d", "e", "f", "g"])).toEqual(["c", "a", "b", "d", "e", "f"]);
});

it("asks for the pulse by day and for the evening from six, and never for what is done", () => {
  const nothing = stepsOf({ morning: {}, entry: {}, evening: {} }, 9);
  expect(nothing).toEqual({ pulse: "due", entry: "due", evening: "later" });
  expect(dueOf(nothing, 9)).toBe("pulse");
  const written = stepsOf({ morning: { mental_state: 4 }, entry: { body: "Words." }, evening: {} }, 19);
  expect(written).toEqual({ pulse: "done", entry: "done", evening: "due" });
  expect(dueOf(written, 19)).toBe("evening");
  expect(dueOf(stepsOf({ morning: { mental_state: 4 }, entry: {}, evening: {} }, 12), 12)).toBe("entry");
});

it("forgives two missed days a month and today, counts only what was written, and hides on request", () => {
  const days = [..."wwwwmwwmwm"].map((mark, index) => ({ day: `2026-03-${String(index + 11)}`, isWritten: mark === "w" }));
  expect(rhythmOf(days)).toBe(7); // today is open; the 15th and the 18th are forgiven
  expect(rhythmOf(days, "plain")).toBe(1);
  expect(rhythmOf(days, "hidden")).toBe(0);
  expect(rhythmOf([..."wwmmmw"].map((mark, index) => ({ day: `2026-03-1${String(index)}`, isWritten: mark === "w" })))).toBe(1);
});

it("shows what waits in the outbox as done, of this day only", () => {
  const habit = { id: "h", tick: null };
  const today = { day: "2026-11-22", habits: [habit] } as unknown as Today;
  const call = (key: string, method: Call["method"], path: string, body?: unknown): Call => ({ key, order: 0, method, path, body });
  const queued = withQueued(today, [
    call("1", "PUT", "/api/habits/h/days/2026-11-22", { value: 1 }),
    call("2", "PUT", "/api/habits/h/days/2026-11-21", { value: 9 }),
    call("3", "POST", "/api/entries/2026-11-22/notes", { text: "later", at: "2026-11-22T10:00:00Z" }),
    call("4", "POST", "/api/moods/log", { mood: "good", day: "2026-11-21", at: "2026-11-21T10:00:00Z" }),
  ]);
  expect(queued.habits).toEqual([{ id: "h", tick: { value: 1 } }]);
  expect(queued.notes.map(({ text }) => text)).toEqual(["later"]);
  expect(queued.moods).toEqual([]);
  const deleted = [call("6", "DELETE", "/api/moods/log/2026-11-22/m1"), call("7", "DELETE", "/api/moods/log/2026-11-21/m2")];
  expect(withQueued(today, deleted).takenBack).toEqual(["m1"]);
  expect(withQueued(today, [call("5", "DELETE", "/api/habits/h/days/2026-11-22")]).habits).toEqual([habit]);
});

it("reads hours as people write them", () => {
  expect(["7", "7.5", "7,25", "7:30", " 24 ", ""].map(hoursOf)).toEqual([7, 7.5, 7.25, 7.5, 24, null]);
  expect(["25", "x", "-1", "24:30", "7.125"].map(hoursOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

it("follows no link that runs something, and keeps HTML as text", () => {
  expect(["https://example.org/a", "mailto:a@example.org"].map(safeHref)).toEqual(["https://example.org/a", "mailto:a@example.org"]);
  expect(["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "//example.org", "/api/auth/logout", "file:///etc"].map(safeHref)).toEqual(Array(6).fill(null));
  expect(blocksOf("<b onclick=x>hi</b> & <script>1</script>")[0]?.raw).toContain("<b onclick=x>");
  expect(JSON.stringify(blocksOf("Tom & Jerry < 3"))).toContain("Tom & Jerry < 3");
});

it("counts words of any language, and cuts an excerpt between words", () => {
  expect(countWords("Don't e-mail me — it's 7:30, “später”. Ещё?")).toBe(8);
  expect(excerptOf("# A day\n\n- *soft* **rain**, and a [link](https://example.org)\n> quoted snake_case")).toBe("A day soft rain, and a link quoted snake_case");
  expect(excerptOf("one two three four", 10)).toBe("one two…");
});
