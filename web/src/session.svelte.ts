/**
 * Who is here. Starting, signing in and out, locking. Nothing of the journal is forgotten by a 401: only a confirmed logout
 * destroys what this device keeps.
 */
import { api, ask, credentials, giveUpReading, type Schemas } from "./api/client";
import { Problem } from "./api/problem";
import { Box, owners } from "./device/box";
import { tab } from "./device/tab";
import { isLikelyIn, KNOWN, LOCKED } from "./early";
import { ELSEWHERE } from "./frame";
import type { Draft } from "./journal/drafts";
import { flushAll, hasUnsent, open } from "./journal/kept.svelte";
import type { Document } from "./journal/merge";
import { outbox } from "./journal/outbox.svelte";

type Person = Schemas["Person"];

const LONGEST_MS = 30 * 86_400_000; // between two visits of a session, as the server has it (`IDLE_MS`)
const LOCK_PATIENCE_MS = 2_000; // with the server, which may be on the far side of a dead line
const UNREACHED = "unreached"; // value of LOCKED until the session at the server has ended

const atMost = (ms: number, work: Promise<unknown>): Promise<unknown> => Promise.race([work, new Promise((resolve) => setTimeout(resolve, ms))]);

class Session {
  /** `in` also while offline, when this device knows who it is. */
  state: "starting" | "out" | "locked" | "in" = $state("starting");
  user: Person | null = $state.raw(null);
  /** False when the server did not answer the last time we asked. */
  isReached = $state(true);
  /** True when the session ended under way: what is on the screen stays, the password is asked for over it. */
  hasEnded = $state(false);
  box: Box | null = null;

  async start(): Promise<void> {
    credentials.onRenewed = (answer) => {
      if (this.user && this.user.id !== answer.user.id) location.replace("/"); // somebody else signed in: nothing from here goes to them
      else this.renew(answer);
    };
    credentials.onEnded = () => {
      localStorage.removeItem(KNOWN); // the next page begins with the sign-in
      if (this.state === "in") this.hasEnded = true;
    };
    if (localStorage.getItem(LOCKED)) return void (await this.showLock());
    if (!isLikelyIn()) return void (this.state = "out");
    void owners().catch(() => undefined); // opens the device's database while the server is asked
    try {
      await this.begin(await ask(api.GET("/api/auth/session")));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.isPassing || !(await this.beginAlone())) this.state = "out";
    }
  }

  /** After a login or a sign-up. The same user finds what was unsent; anybody else finds nothing of it. */
  async begin(answer: Schemas["SessionAnswer"]): Promise<void> {
    const before = this.user?.id;
    this.renew(answer);
    localStorage.removeItem(LOCKED);
    if (before && before !== answer.user.id) return location.replace("/");
    this.box = await Box.of(answer.user.id).catch(() => null);
    void this.box?.put("me", answer.user, "relaxed").catch(() => undefined);
    outbox.use(this.box);
    this.hasEnded = false;
    this.isReached = true;
    this.state = "in";
  }

  /** False, and nothing done, when something is unsent and `isConfirmed` is not set. Ends with another page. */
  async logOut({ isConfirmed = false } = {}): Promise<boolean> {
    await flushAll();
    await outbox.flush();
    if (!isConfirmed && (await this.unsent()) > 0) return false;
    const clear = (await owners()).every((owner) => owner === this.user?.id); // it empties all; another person's drafts must stay
    const readAgain = giveUpReading();
    await ask(api.POST("/api/auth/logout", { params: { query: { clear } } })).catch((problem: unknown) => {
      if (problem instanceof Problem && problem.status === 401) return;
      readAgain();
      throw problem;
    });
    await this.forgetDevice().catch(() => undefined); // a browser that was told to clear has closed the database already
    location.replace("/login");
    return true;
  }

  /** How much of what was written the server does not have: in this tab, in other tabs, and left behind by a lock. */
  async unsent(): Promise<number> {
    const drafts = (await this.box?.all<Draft<Document>>("draft:")) ?? [];
    const left = drafts.filter(({ name, value }) => !(name.endsWith(`:${tab}`) && open.get(value.path)?.isUnsent === false)); // sent, and just being removed
    const calls = (await this.box?.all("call:")) ?? [];
    return Math.max(left.length + calls.length, Number(hasUnsent() || outbox.waiting > 0));
  }

  /** Ends the session at the server and leaves the sealed drafts where they are: this is no curtain, the cookie is gone. */
  async lock(): Promise<void> {
    document.body.hidden = true; // whoever is coming sees nothing, whatever the server does
    await atMost(LOCK_PATIENCE_MS, Promise.all([flushAll(), outbox.flush()])); // what is not sent lies here sealed
    giveUpReading();
    localStorage.setItem(LOCKED, UNREACHED);
    const ended = ask(api.POST("/api/auth/logout")).then(
      () => localStorage.setItem(LOCKED, "1"),
      () => undefined, // offline: the next page that is opened with the network ends it
    );
    await atMost(LOCK_PATIENCE_MS, ended);
    const here = location.pathname;
    location.replace(here === "/" ? "/lock" : `/lock?next=${encodeURIComponent(here)}`); // a fresh page: nothing of the journal is left in memory
  }

  /** After the account is erased, or at a confirmed logout. */
  async forgetDevice(): Promise<void> {
    for (const mark of [KNOWN, LOCKED, ELSEWHERE]) localStorage.removeItem(mark);
    await this.box?.shred();
    this.box = null;
  }

  /** Without the server: by what this device keeps. */
  private async beginAlone(): Promise<boolean> {
    const [owner] = await owners();
    const box = owner ? await Box.of(owner) : null;
    const user = await box?.get<Person>("me");
    if (!box || !user) return false;
    this.box = box;
    this.user = user;
    outbox.use(box);
    this.isReached = false;
    this.state = "in";
    return true;
  }

  private async showLock(): Promise<void> {
    const [owner] = await owners();
    this.box = owner ? await Box.of(owner) : null; // to tell what is unsent, and to destroy it when asked to
    this.user = (await this.box?.get<Person>("me")) ?? null;
    this.state = "locked";
    await this.endLeftSession();
  }

  /** A lock that could not reach the server left a living session behind; it is ended before anybody can use it. */
  private async endLeftSession(): Promise<void> {
    if (localStorage.getItem(LOCKED) !== UNREACHED) return;
    try {
      credentials.csrf = (await ask(api.GET("/api/auth/session"))).csrf_token;
      await ask(api.POST("/api/auth/logout"));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.isPassing) return; // later
    }
    credentials.csrf = null;
    localStorage.setItem(LOCKED, "1");
  }

  private renew(answer: Schemas["SessionAnswer"]): void {
    credentials.csrf = answer.csrf_token ?? credentials.csrf;
    this.user = answer.user;
    this.isReached = true;
    localStorage.setItem(KNOWN, String(Date.now() + LONGEST_MS));
  }
}

export const session = new Session();
