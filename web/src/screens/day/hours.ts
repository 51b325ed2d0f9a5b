const MOST = 24;

/** Hours in words of people; null for nothing, undefined for what is none. */
export function hoursOf(words: string): number | null | undefined {
  const trimmed = words.trim();
  if (trimmed === "") return null;
  const clock = /^(\d{1,2}):([0-5]\d)$/.exec(trimmed);
  const hours = clock ? Number(clock[1]) + Number(clock[2]) / 60 : /^\d{1,2}([.,]\d{0,2})?$/.test(trimmed) ? Number(trimmed.replace(",", ".")) : NaN;
  return hours <= MOST ? Math.round(hours * 100) / 100 : undefined;
}
