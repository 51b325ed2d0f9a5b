/**
 * What happens while the shell is still on its way: the page's frame is shown, the session and today are asked for, and the screen
 * that is wanted is fetched beside the shell. A round trip less before somebody can write. Small, and the first file to run.
 */
import { framed } from "./frame";
import { keptTheme, wear } from "./theme";

export const KNOWN = "timos.known"; // in localStorage: somebody is signed in with this browser, until this time (ms) at most; saves strangers a refused call
export const LOCKED = "timos.locked"; // in localStorage: the password is asked for before anything is shown

const answers = new Map<string, Promise<Response>>();

/** As far as this browser knows; the server has the last word. */
export const isLikelyIn = (): boolean => Boolean(globalThis.localStorage?.getItem(KNOWN)) && !localStorage.getItem(LOCKED);

/** Whoever was away for longer than a session lasts is asked for the password in a moment: no navigation is shown before. */
const mayBeIn = (): boolean => Number(localStorage.getItem(KNOWN)) > Date.now();

/** Each is taken once, by `api/client.ts`; null for what was not asked early. */
export function earlyAnswer(request: Request): Promise<Response> | null {
  const path = request.method === "GET" ? request.url.slice(location.origin.length) : "";
  const answer = answers.get(path);
  answers.delete(path);
  return answer ?? null;
}

function askEarly(path: string): void {
  const answer = fetch(path, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
  answer.catch(() => undefined); // told by whoever takes it
  answers.set(path, answer);
}

function begin(): void {
  wear(keptTheme());
  const isToday = location.pathname === "/";
  if (isLikelyIn()) {
    for (const path of ["/api/auth/session", "/api/today"]) askEarly(path);
    if (isToday) void import("./screens/today/Today.svelte").catch(() => undefined); // told by whoever shows it
    if (mayBeIn() && location.pathname !== "/welcome") framed("in"); // a page of its own, without the navigation
  } else if (!localStorage.getItem(LOCKED) && !location.hash && (isToday || location.pathname === "/login")) {
    askEarly("/api/instance");
    void import("./screens/account/Login.svelte").catch(() => undefined);
    framed("out");
  }
}

if (globalThis.document) begin();
