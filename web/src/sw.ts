/**
 * Keeps the shell: page, scripts, styles, icons. Never an answer of the API: what is not named here goes to the network untouched.
 * The list is filled in by the build; a new build has new names, so an old shell is never mixed with a new one.
 */
const worker = self as unknown as ServiceWorkerGlobalScope;
const SHELL = "__SHELL__" as unknown as string[];
const CACHE = "timos-shell-__VERSION__";
const PAGE = "/";
const FILES = [PAGE, "/manifest.webmanifest", "/icons/timos.svg", ...SHELL];

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll(FILES.map((path) => new Request(path, { cache: "no-cache" })));
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith("timos-shell-") && name !== CACHE) await caches.delete(name);
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin || url.pathname.startsWith("/api/")) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (FILES.includes(url.pathname)) event.respondWith(file(request, url.pathname));
});

/** The newest page when the server answers, the kept one when it does not. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

async function file(request: Request, path: string): Promise<Response> {
  return (await (await caches.open(CACHE)).match(path)) ?? fetch(request);
}
