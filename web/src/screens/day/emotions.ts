/** Words for how somebody feels, and their places on two scales. */
import type { Schemas } from "$/api/client";

export type Emotion = Schemas["Emotion"];
export type Family = "pleasant-stirred" | "pleasant-still" | "between" | "unpleasant-stirred" | "unpleasant-still" | "own";

const FAMILIES: readonly Family[] = ["pleasant-stirred", "pleasant-still", "between", "unpleasant-stirred", "unpleasant-still"];
const BETWEEN = 0.2; // nearer to the middle than this is neither pleasant nor unpleasant
const STIRRED = 0.15; // moved and close have a little energy and are quiet all the same
const LIKELY = 6;

const folded = (word: string): string => word.trim().toLocaleLowerCase();

/** The word of the list that this is, by id or name; undefined for a word of the writer's own. */
export const known = (words: readonly Emotion[], word: string): Emotion | undefined =>
  words.find(({ id, name }) => id === word || folded(name) === folded(word));

export function familyOf({ valence, energy }: Emotion): Family {
  if (Math.abs(valence) < BETWEEN) return "between";
  return `${valence > 0 ? "pleasant" : "unpleasant"}-${energy > STIRRED ? "stirred" : "still"}`;
}

/** In the order in which they are shown; only those that have any. */
export function families(words: readonly Emotion[]): { family: Family; words: Emotion[] }[] {
  return FAMILIES.map((family) => ({ family, words: words.filter((word) => familyOf(word) === family) })).filter((one) => one.words.length > 0);
}

/** The first of a few is the strongest: that is how the morning is stored. */
export const chosenOf = (strongest: string | null | undefined, others: readonly string[] = []): string[] => [
  ...new Set([...(strongest ? [strongest] : []), ...others]),
];

export function feelingOf(chosen: readonly string[], words: readonly Emotion[]): Pick<Schemas["Morning"], "strongest_emotion" | "emotions" | "valence" | "energy"> {
  const placed = chosen.map((word) => known(words, word)).filter((word) => word !== undefined);
  const mean = (values: number[]): number | null => (values.length ? Math.round((values.reduce((sum, one) => sum + one, 0) / values.length) * 100) / 100 : null);
  return {
    strongest_emotion: chosen[0] ?? null,
    emotions: chosen.slice(1),
    valence: mean(placed.map(({ valence }) => valence)),
    energy: mean(placed.map(({ energy }) => energy)),
  };
}

/** Six to choose from: those chosen already, those used last, then the usual ones. */
export const likely = (chosen: readonly string[], recent: readonly string[], usual: readonly string[]): string[] =>
  [...new Set([...chosen, ...recent, ...usual])].slice(0, Math.max(LIKELY, chosen.length));
