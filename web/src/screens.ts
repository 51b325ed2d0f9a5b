/** Which address shows which screen; each is loaded when it is first needed, so that writing is ready before charts are. */
import type { Component } from "svelte";
import { text } from "./text";

export interface Screen {
  pattern: string;
  title: string;
  /** The item of the navigation that is marked. */
  under?: "today" | "calendar" | "insights" | "week" | "pillars" | "habits" | "moods" | "search" | "settings";
  // any: a screen declares the parameters it uses, and several use none
  load: () => Promise<{ default: Component<any> }>;
  /** Without a session: signing in and up, the lock. Shown without the navigation. */
  isOutside?: boolean;
  /** With a session, and still without the navigation. */
  isAlone?: boolean;
  /** One component for all parameters: it follows `params` itself. */
  isLasting?: boolean;
}

const titles = text.shell.titles;

export const SCREENS: readonly Screen[] = [
  { pattern: "/", title: titles.today, under: "today", load: () => import("./screens/today/Today.svelte") },
  { pattern: "/day/:day", title: titles.day, under: "calendar", load: () => import("./screens/day/Day.svelte") },
  { pattern: "/calendar", title: titles.calendar, under: "calendar", load: () => import("./screens/calendar/Calendar.svelte"), isLasting: true },
  { pattern: "/calendar/:period", title: titles.calendar, under: "calendar", load: () => import("./screens/calendar/Calendar.svelte"), isLasting: true },
  { pattern: "/insights", title: titles.insights, under: "insights", load: () => import("./screens/insights/Insights.svelte"), isLasting: true },
  { pattern: "/week", title: titles.week, under: "week", load: () => import("./screens/week/Week.svelte") },
  { pattern: "/week/:week", title: titles.week, under: "week", load: () => import("./screens/week/Week.svelte") },
  { pattern: "/pillars", title: titles.pillars, under: "pillars", load: () => import("./screens/pillars/Pillars.svelte") },
  { pattern: "/pillars/:id", title: titles.pillar, under: "pillars", load: () => import("./screens/pillars/Pillar.svelte") },
  { pattern: "/habits", title: titles.habits, under: "habits", load: () => import("./screens/habits/Habits.svelte") },
  { pattern: "/moods", title: titles.moods, under: "moods", load: () => import("./screens/moods/Moods.svelte") },
  { pattern: "/search", title: titles.search, under: "search", load: () => import("./screens/search/Search.svelte") },
  { pattern: "/settings", title: titles.settings, under: "settings", load: () => import("./screens/settings/Settings.svelte") },
  { pattern: "/settings/:section", title: titles.settings, under: "settings", load: () => import("./screens/settings/Settings.svelte"), isLasting: true },
  { pattern: "/welcome", title: titles.welcome, isAlone: true, load: () => import("./screens/welcome/Welcome.svelte") },
  { pattern: "/login", title: titles.login, load: () => import("./screens/account/Login.svelte"), isOutside: true },
  { pattern: "/signup", title: titles.signup, load: () => import("./screens/account/SignUp.svelte"), isOutside: true },
  { pattern: "/lock", title: titles.lock, load: () => import("./screens/account/Lock.svelte"), isOutside: true },
];
