/** Where the palette can go without a search. */
import { appearance } from "$/appearance.svelte";
import { shifted, weekOf, weekShifted } from "$/journal/days";
import { journal } from "$/journal/journal.svelte";
import { router } from "$/router.svelte";
import { session } from "$/session.svelte";
import { text } from "$/text";
import { fullDay, spokenDay } from "$/text/format";
import type { IconName } from "$/ui/Icon.svelte";
import { namesOfDays } from "./names";
import { whenOf } from "./when";

export interface Command {
  id: string;
  label: string;
  icon: IconName;
  run: () => void;
}

const words = text.data.palette;
const PAGES = ["today", "calendar", "insights", "week", "pillars", "habits", "moods", "search", "settings"] as const;

const to = (id: string, label: string, icon: IconName, path: string): Command => ({ id, label, icon, run: () => router.go(path) });

function all(): Command[] {
  const { day } = journal;
  const { settings } = text.account;
  return [
    to("write", words.write, "edit", "/?write=1"),
    ...PAGES.map((page) => to(page, text.shell.nav[page], page, page === "today" ? "/" : `/${page}`)),
    to("yesterday", words.yesterday, "left", `/day/${shifted(day, -1)}`),
    to("last-week", words.lastWeek, "week", `/week/${weekShifted(weekOf(day), -1)}`),
    to("new-habit", words.newHabit, "plus", "/habits?new=1"),
    to("new-pillar", words.newPillar, "plus", "/pillars?new=1"),
    to("new-mood", words.newMood, "plus", "/moods?new=1"),
    to("profile", settings.profile[0], "settings", "/settings/profile"),
    to("journal", settings.journal[0], "settings", "/settings/journal"),
    to("security", settings.security[0], "settings", "/settings/security"),
    to("data", settings.data[0], "settings", "/settings/data"),
    { id: "light", label: words.light, icon: "today", run: () => appearance.set("light") },
    { id: "dark", label: words.dark, icon: "today", run: () => appearance.set("dark") },
    { id: "lock", label: text.shell.lock, icon: "lock", run: () => void session.lock() },
  ];
}

/** Those whose words begin with what is typed, all words of it; and the day that it names. Nothing typed: the first few. */
export function commandsFor(typed: string): Command[] {
  const letters = typed.trim().toLowerCase();
  if (!letters) return all().slice(0, 8);
  const day = whenOf(letters, journal.day, namesOfDays());
  const isMeant = ({ label }: Command): boolean =>
    letters.split(/\s+/).every((part) => label.toLowerCase().split(/[\s’]+/).some((word) => word.startsWith(part)));
  const found = all().filter(isMeant).slice(0, 6);
  return day ? [to(`day:${day}`, labelOf(day), "calendar", day === journal.day ? "/" : `/day/${day}`), ...found.filter(({ id }) => id !== "yesterday")] : found;
}

const labelOf = (day: string): string => (day.slice(0, 4) === journal.day.slice(0, 4) ? spokenDay(day) : fullDay(day));
