/** What every screen knows of the journal: the preferences, which day it is, and today's answer, kept sealed for a start offline. */
import { api, ask, type Schemas } from "$/api/client";
import { Problem } from "$/api/problem";
import { painted } from "$/device/painted";
import { ELSEWHERE } from "$/frame";
import { session } from "$/session.svelte";
import { useLocale } from "$/text/format";
import { DAY_ENDS_AT_HOUR, dayNow, hourNow } from "./days";
import { sendLeftovers } from "./leftovers";
import type { Document } from "./merge";
import { outbox } from "./outbox.svelte";

export type Today = Schemas["TodayAnswer"];
export type Preferences = Schemas["Preferences"];

const MINUTE_MS = 60_000;
const PATIENCE_MS = 600; // with the server, before the day is shown as this device knows it
const FRESH_MS = 5000; // how long the day that the app began with needs no second question

class Journal {
  preferences: Preferences | null = $state.raw(null);
  preferencesEtag: string | null = null;
  /** The writer's day, moving on when it ends. */
  day: string = $state(dayNow(null));
  hour: number = $state(hourNow(null));
  /** Paths of drafts that met a conflict while nobody looked. */
  undecided: string[] = $state.raw([]);
  /** Today from a server that answered after the copy on this device was shown; what is open follows it. */
  latest: Today | null = $state.raw(null);
  private begun: { today: Today; at: number } | null = null;
  /** True for somebody who has not said yet how their days are counted: the welcome comes first. */
  isNew = $state(false);

  /** Once after signing in. Throws a `Problem` when nothing is known, neither from the server nor from this device. */
  async begin(): Promise<Today> {
    const today = await this.openDay();
    this.begun = { today, at: Date.now() };
    if (today.preferences === null && session.isReached) await this.meet(today);
    setInterval(() => this.tell(), MINUTE_MS);
    document.addEventListener("visibilitychange", () => this.tell());
    addEventListener("online", () => void this.sendLeft());
    void this.sendLeft();
    return today;
  }

  /** Today for the screen that is opened: what the app began with a moment ago, else asked anew. */
  async loadToday(): Promise<Today> {
    const { begun } = this;
    this.begun = null;
    return begun && begun.today.day === this.day && Date.now() - begun.at < FRESH_MS ? begun.today : this.loadDay(null);
  }

  /** The copy of today on this device, after something of it changed. Other days are not kept. */
  async keepDay(today: Today): Promise<void> {
    if (today.day === this.day) await session.box?.put(`today:${today.day}`, today, "relaxed").catch(() => undefined);
  }

  /** All of one day in one answer; null means today, which this device can also tell without the server. */
  async loadDay(day: string | null): Promise<Today> {
    try {
      const answer = await ask(api.GET("/api/today", { params: { query: day ? { day } : {} } }));
      session.isReached = true;
      this.learn(answer);
      if (!day || day === this.day) void this.keepOnly(answer);
      return answer;
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 0) throw problem;
      session.isReached = false;
      const known = await this.known(day);
      if (!known) throw problem;
      return known;
    }
  }

  /** Raises what the server raises; the stored preferences are the ones that count everywhere at once. */
  async savePreferences(change: Partial<Preferences>): Promise<void> {
    const headers: Record<string, string> = this.preferencesEtag ? { "If-Match": this.preferencesEtag } : {};
    const body = { ...this.preferences, ...change };
    const answer = await ask(api.PUT("/api/preferences", { body, params: { header: headers } }));
    this.learnPreferences(answer.document, answer.etag);
    this.begun = null; // which day it is may have changed, and the welcome has made more than that
    this.isNew = false;
  }

  /** Sends what waits on this device; what needs a decision is listed in `undecided`. */
  async sendLeft(): Promise<void> {
    await outbox.flush();
    this.undecided = await sendLeftovers(session.box, beginningOf);
  }

  /** With a slow server, the copy on this device: writing does not wait for the network. */
  private async openDay(): Promise<Today> {
    const asked = this.loadDay(null);
    const answer = await Promise.race([asked, new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null))]);
    if (answer) return answer;
    const known = await this.known(null);
    if (!known) return asked;
    void asked.then(
      (late) => (this.latest = late),
      () => undefined, // each document says itself that it is not sent
    );
    return known;
  }

  /** Somebody whose days have not been counted yet: welcomed when the journal is empty, else (moved in, or from the terminal) by this device's clock. */
  private async meet({ pillars, habits, entry, on_this_day: earlier }: Today): Promise<void> {
    this.isNew = pillars.length + habits.length + earlier.length === 0 && entry === null;
    if (this.isNew) return;
    await this.savePreferences({ time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone }).catch(() => undefined); // asked again next time
  }

  private learn(answer: Today): void {
    if (answer.preferences) this.learnPreferences(answer.preferences.document as Preferences, answer.preferences.etag);
    this.tell();
  }

  private learnPreferences(preferences: Preferences, etag: string): void {
    this.preferences = preferences;
    this.preferencesEtag = etag;
    useLocale(preferences.locale ?? "");
    this.tell();
    void painted().then(() => noteClock(preferences));
  }

  private tell(): void {
    this.day = dayNow(this.preferences);
    this.hour = hourNow(this.preferences);
  }

  private async known(day: string | null): Promise<Today | null> {
    const { box } = session;
    if (!box) return null;
    if (day) return box.get<Today>(`today:${day}`);
    const last = (await box.all<Today>("today:")).map(({ value }) => value).sort((one, other) => (one.day < other.day ? 1 : -1))[0];
    if (!last) return null;
    this.learn(last);
    return last.day === this.day ? last : emptyDay(this.day, last);
  }

  /** One day is kept on the device, not a diary. */
  private async keepOnly(today: Today): Promise<void> {
    const { box } = session;
    await box?.put(`today:${today.day}`, today, "relaxed").catch(() => undefined);
    for (const { name } of (await box?.all("today:")) ?? []) if (name !== `today:${today.day}`) await box?.remove(name);
  }
}

/** For the next first page, which names the day before anybody has said how this person's days are told. */
function noteClock({ time_zone: zone, day_ends_at_hour: end, locale }: Preferences): void {
  const isOwn = (!zone || zone === Intl.DateTimeFormat().resolvedOptions().timeZone) && (end ?? DAY_ENDS_AT_HOUR) === DAY_ENDS_AT_HOUR;
  if (isOwn && (!locale || locale === navigator.language)) localStorage.removeItem(ELSEWHERE);
  else localStorage.setItem(ELSEWHERE, "1");
}

/** A new day that begins without the network: what lasts longer than a day, and nothing written yet. */
function emptyDay(day: string, last: Today): Today {
  const habits = last.habits.map((habit) => ({ ...habit, tick: null }));
  return { ...last, day, habits, entry: null, morning: null, evening: null, scores: null, moods: null, on_this_day: [] };
}

export const LISTS = ["tags", "notes", "pillars", "emotions", "energy_givers", "energy_drainers", "corrections", "highlights", "patterns"] as const;

/** What a document of this path is before anything is written; the server names a day document's kind by its path. */
export function beginningOf(path: string): { empty: Document; unions: readonly string[] } {
  const kind = /\/feels\/[^/]+\/(morning|evening)$/.exec(path)?.[1];
  return { empty: kind ? { kind } : {}, unions: LISTS };
}

export const journal = new Journal();
