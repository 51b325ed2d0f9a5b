/** How far the day's three steps are, and which of them the hour asks for. */
import type { Schemas } from "$/api/client";
import { text } from "$/text";
import type { BarStep } from "$/ui/StepBar.svelte";

export type Step = "pulse" | "entry" | "evening";
export type Progress = "done" | "begun" | "due" | "later";

export const EVENING_HOUR = 18;
const ENOUGH = 2; // parts of the evening that make it one

interface Written {
  morning: Partial<Schemas["Morning"]>;
  entry: Partial<Schemas["DailyEntry"]>;
  evening: Partial<Schemas["Evening"]>;
}

export function stepsOf({ morning, entry, evening }: Written, hour: number): Record<Step, Progress> {
  const isEvening = hour >= EVENING_HOUR;
  const parts = [evening.energy_givers?.length || evening.energy_drainers?.length, evening.pressure_or_purpose != null, evening.honest_note, evening.emotions?.length].filter(Boolean).length;
  const hasEntry = Boolean(entry.body?.trim() || entry.title?.trim() || entry.notes?.length);
  const hasPulse = Boolean(morning.strongest_emotion || morning.emotions?.length || morning.avoiding?.trim() || morning.sleep_hours != null);
  return {
    pulse: morning.mental_state != null ? "done" : hasPulse ? "begun" : "due",
    entry: entry.completed || (hasEntry && isEvening) ? "done" : hasEntry ? "begun" : "due",
    evening: parts >= ENOUGH ? "done" : parts > 0 ? "begun" : isEvening ? "due" : "later",
  };
}

const ORDER: readonly Step[] = ["pulse", "entry", "evening"];

export function barOf(steps: Record<Step, Progress>): BarStep<Step>[] {
  return ORDER.map((id) => {
    const progress = steps[id];
    return { id, name: text.today.step[id][progress], state: progress === "done" || progress === "begun" ? progress : "open" };
  });
}

/** What is asked for now: the evening once it is there, before it the pulse, then the entry. */
export function dueOf(steps: Record<Step, Progress>, hour: number): Step {
  if (hour >= EVENING_HOUR && steps.evening !== "done" && steps.entry !== "due") return "evening";
  if (hour < EVENING_HOUR && steps.pulse !== "done") return "pulse";
  return "entry";
}
