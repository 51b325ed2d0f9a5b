/** Dates, numbers and names of weekdays, by `Intl`, in the writer's language. */
import { dateOf, shifted, weekStartOf } from "$/journal/days";

let locale: string | undefined = undefined; // undefined: the browser's

/** "" means the browser's own. A tag that the browser does not know changes nothing. */
export function useLocale(tag: string): void {
  try {
    locale = tag ? Intl.getCanonicalLocales(tag)[0] : undefined;
  } catch {
    return;
  }
}

/** Makes a format once for each language: on a phone that takes a hundred times as long as using it. */
function once<Format>(make: () => Format): () => Format {
  let made: { of: string | undefined; format: Format } | null = null;
  return () => {
    if (made?.of !== locale || made === null) made = { of: locale, format: make() };
    return made.format;
  };
}

function dates(options: Intl.DateTimeFormatOptions): (day: string) => string {
  const format = once(() => new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }));
  return (day) => format().format(dateOf(day));
}

function numbers(options: Intl.NumberFormatOptions): (value: number) => string {
  const format = once(() => new Intl.NumberFormat(locale, options));
  return (value) => format().format(value);
}

/** “Sunday, 22 November”. */
export const longDay = dates({ weekday: "long", day: "numeric", month: "long" });
/** “22 November 2026”. */
export const fullDay = dates({ day: "numeric", month: "long", year: "numeric" });
/** “Sunday, 22 November 2026”. */
export const spokenDay = dates({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
/** “22 Nov”. */
export const shortDay = dates({ day: "numeric", month: "short" });
/** “16 – 22 November 2026”. */
export const daySpan = (first: string, last: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" }).formatRange(dateOf(first), dateOf(last));
/** “November 2026”. */
export const monthAndYear = dates({ month: "long", year: "numeric" });
/** “Nov”. */
export const shortMonth = dates({ month: "short" });
/** “Sunday”. */
export const weekday = dates({ weekday: "long" });
/** “Sun”. */
export const shortWeekday = dates({ weekday: "short" });
/** “S”. */
export const narrowWeekday = dates({ weekday: "narrow" });

/** Seven days, for their names, in the writer's order. */
export function weekdays(start: "monday" | "saturday" | "sunday" = "monday"): string[] {
  const first = weekStartOf("2026-01-05", start);
  return Array.from({ length: 7 }, (_, index) => shifted(first, index));
}

/** A day of an ISO weekday (1 is Monday), for its name. */
export const dayOfWeekday = (isoWeekday: number): string => shifted("2026-01-05", isoWeekday - 1);

/** “09:14”, on this device's clock, which may change its time zone: made anew each time. */
export const clock = (at: Date): string => new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(at);
/** “22 Nov 2026, 09:14”. */
export const moment = (at: Date): string => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(at);

const upTo = [0, 1, 2, 3].map((digits) => numbers({ maximumFractionDigits: digits, minimumFractionDigits: 0 }));
export const number = (value: number, digits: 0 | 1 | 2 | 3 = 0): string => upTo[digits]?.(value) ?? "";
/** Always with one digit after the point: “3.4”. */
export const mean = numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
/** “+0.9”. */
export const signed = numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
export const percent = numbers({ style: "percent", maximumFractionDigits: 0 });
/** “a, b and c”. */
export const list = (parts: readonly string[]): string => new Intl.ListFormat(locale, { type: "conjunction" }).format(parts);

let plurals: Intl.PluralRules | undefined; // made when it is first needed, which is after the first painting
/** `one` for exactly one, else `other`; `#` stands for the number. */
export const count = (value: number, one: string, other: string): string => {
  plurals ??= new Intl.PluralRules("en"); // of the catalogue's language, which is English so far
  return (plurals.select(value) === "one" ? one : other).replace("#", number(value));
};
