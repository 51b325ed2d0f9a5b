/**
 * Asks for the session and for today while the shell is still on its way: a round trip less before somebody can write.
 * The first file to run, and so small that it imports nothing. Each answer is taken once, by `api/client.ts`.
 */

export const KNOWN = "timos.known"; // in localStorage, "1": somebody signed in with this browser; saves a stranger's first page a refused call
export const LOCKED = "timos.locked"; // in localStorage: the password is asked for before anything is shown

const answers = new Map<string, Promise<Response>>();

/** As far as this browser knows; the server has the last word. */
export const isLikelyIn = (): boolean => Boolean(globalThis.localStorage?.getItem(KNOWN)) && !localStorage.getItem(LOCKED);

/** Once for each; null for what was not asked early. */
export function earlyAnswer(request: Request): Promise<Response> | null {
  const path = request.method === "GET" ? request.url.slice(location.origin.length) : "";
  const answer = answers.get(path);
  answers.delete(path);
  return answer ?? null;
}

if (isLikelyIn()) {
  for (const path of ["/api/auth/session", "/api/today"]) {
    const answer = fetch(path, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
    answer.catch(() => undefined); // told by whoever takes it
    answers.set(path, answer);
  }
}
