/** For how many days somebody has been writing, as gently as the habits count: a missed day here and there does not end it. */
const GRACE_PER_MONTH = 2; // as the habits' streaks do

export interface WrittenDay {
  day: string;
  isWritten: boolean;
}

/** `days` follow each other, the last is today, which is open until it is over. Counts the days written. */
export function rhythmOf(days: readonly WrittenDay[], style: "forgiving" | "hidden" | "plain" = "forgiving"): number {
  if (style === "hidden") return 0;
  const missed = new Map<string, number>();
  let written = 0;
  for (const [index, { day, isWritten }] of [...days].reverse().entries()) {
    if (isWritten) written += 1;
    else if (index > 0) {
      const month = day.slice(0, 7);
      missed.set(month, (missed.get(month) ?? 0) + 1);
      if (style === "plain" || (missed.get(month) ?? 0) > GRACE_PER_MONTH) break;
    }
  }
  return written;
}
