/**
 * The only way to the server. Typed by its OpenAPI document; adds the CSRF token, renews a session that has run out once, and
 * turns every refusal into a `Problem`. Nothing that it fetches is kept by the browser (`no-store`, both ways).
 */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { earlyAnswer } from "../early";
import { Problem, problemOf } from "./problem";

export type Schemas = components["schemas"];

interface Credentials {
  csrf: string | null;
  /** Called once when even the refresh token is no longer good. */
  onEnded: () => void;
  onRenewed: (answer: Schemas["SessionAnswer"]) => void;
}

/** Set by `session.svelte.ts`; apart from it so that this module knows no state of the screen. */
export const credentials: Credentials = { csrf: null, onEnded: () => undefined, onRenewed: () => undefined };

const SAFE = new Set(["GET", "HEAD"]);
const SIGNS_IN = /^\/api\/auth\/(login|signup|refresh)$/; // a 401 of these is an answer, not a session that ran out

export const api = createClient<paths>({ baseUrl: globalThis.location?.origin ?? "", fetch: sendRenewing });

/** The data of a typed call. Throws a `Problem` for anything else. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response.status, error, response.headers);
  return data as T;
}

/** For what has no fixed type: a path and a document. Throws a `Problem`. */
export async function send<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const init: RequestInit = { method, headers: { ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...headers, "Content-Type": "application/json" };
  }
  const response = await sendRenewing(new Request(new URL(path, location.origin), init));
  const content: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (!response.ok) throw problemOf(response.status, content, response.headers);
  return content as T;
}

let reads = new AbortController();

/**
 * Before a session is ended on purpose: what is being read is given up, and nothing more is read, as each refusal would be taken for a
 * session that ran out. Who waits for it waits for ever, as the page goes too. The result begins anew, where the page stays after all.
 */
export function giveUpReading(): () => void {
  reads.abort();
  return () => (reads = new AbortController());
}

/** As `fetch`, with session and CSRF token; for uploads and downloads too. Throws a `Problem` of status 0 when nothing answers. */
export async function sendRenewing(request: Request): Promise<Response> {
  if (!SAFE.has(request.method)) return sendOrRenew(request);
  const { signal } = reads;
  return sendOrRenew(new Request(request, { signal })).catch((cause: unknown) => {
    if (signal.aborted) return new Promise<Response>(() => undefined);
    throw cause;
  });
}

async function sendOrRenew(request: Request): Promise<Response> {
  if (!credentials.csrf && !SAFE.has(request.method) && !SIGNS_IN.test(new URL(request.url).pathname)) await introduced(); // began without the network
  const again = request.clone();
  const response = await sendOnce(request);
  if (response.status === 403 && (await lacksToken(response)) && (await introduced())) return sendOnce(again);
  if (response.status !== 401 || SIGNS_IN.test(new URL(request.url).pathname)) return response;
  if (!(await renewed())) {
    credentials.onEnded();
    return response;
  }
  return sendOnce(again);
}

async function sendOnce(request: Request): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set("Accept", headers.get("Accept") ?? "application/json");
  if (credentials.csrf && !SAFE.has(request.method)) headers.set("X-CSRF-Token", credentials.csrf);
  try {
    return await (earlyAnswer(request) ?? fetch(new Request(request, { headers, cache: "no-store", redirect: "error" })));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Problem(0);
  }
}

/** A tab whose session another one renewed has an old CSRF token. */
async function lacksToken(response: Response): Promise<boolean> {
  const problem: unknown = await response.clone().json().catch(() => null);
  return (problem as { code?: unknown } | null)?.code === "csrf";
}

async function introduced(): Promise<boolean> {
  const before = credentials.csrf;
  const response = await sendOnce(new Request(new URL("/api/auth/session", location.origin)));
  if (response.ok) credentials.onRenewed((await response.json()) as Schemas["SessionAnswer"]);
  return credentials.csrf !== before;
}

let renewal: Promise<boolean> | null = null;

/** One renewal at a time, however many calls found out at once; over all tabs, as a refresh token is good once. */
function renewed(): Promise<boolean> {
  renewal ??= exclusively("timos-renewal", renew).finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renew(): Promise<boolean> {
  const response = await sendOnce(
    new Request(new URL("/api/auth/refresh", location.origin), {
      method: "POST",
      body: "{}",
      headers: { "Content-Type": "application/json" },
    }),
  );
  if (!response.ok) return cannot(response);
  credentials.onRenewed((await response.json()) as Schemas["SessionAnswer"]);
  return true;
}

/** False for a session that is over. A server that is only busy has not said that: throws its `Problem`, as for any call that can be tried again. */
function cannot({ status, headers }: Response): false {
  const problem = problemOf(status, null, headers);
  if (problem.isPassing) throw problem;
  return false;
}

/** Web Locks are missing where the page is not a secure context (plain http on another host than this one). */
function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  return navigator.locks ? (navigator.locks.request(name, work) as Promise<T>) : work();
}
