import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build, defineConfig, type Plugin, type Rolldown } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const alias = { $: `${root}src` };

const NOT_SHELL = /\/src\/(sw|main|frames)\.ts$|\/journal\/named\.svelte\.ts|\/ui\/(Archived|FormSheet|GlyphPicker|Sortable)\.svelte/;

/** What every screen needs; the service worker shares nothing with it. */
function isShell(id: string): boolean {
  if (/\/node_modules\/(svelte|esm-env|clsx|openapi-fetch)\//.test(id)) return true;
  return /\/src\/(api|device|journal|text|ui)\/|\/src\/[^/]+$|\/invitations\.svelte\.ts$/.test(id) && !NOT_SHELL.test(id);
}

/** Puts on the first page what a person sees before the shell is there, with its looks, and lets the browser fetch the shell at once. */
function firstPage(): Plugin {
  return {
    name: "timos-first-page",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      async handler(_, { bundle }) {
        const named = (pattern: RegExp): string[] => Object.keys(bundle ?? {}).filter((name) => pattern.test(name)).map((name) => `/${name}`);
        const drawn = await frames();
        return [
          ...named(/^assets\/(shell|login)-[^/]+\.css$/).map((href) => ({ tag: "link", attrs: { rel: "stylesheet", crossorigin: true, href } })),
          ...named(/^assets\/shell-[^/]+\.js$/).map((href) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href } })),
          ...Object.entries(drawn).map(([name, children]) => ({ tag: "template", attrs: { id: `frame-${name}` }, children, injectTo: "body" as const })),
        ];
      },
    },
  };
}

/** Runs `frames.ts` of the sources that are being built. */
async function frames(): Promise<Record<string, string>> {
  const built = await build({
    configFile: false,
    root,
    logLevel: "error",
    plugins: [svelte()],
    resolve: { alias },
    define: { __IS_BUILT__: "true" },
    ssr: { noExternal: true },
    build: { ssr: `${root}src/frames.ts`, write: false, rollupOptions: { output: { codeSplitting: false } } },
  });
  const { output } = (Array.isArray(built) ? built[0] : built) as Rolldown.RolldownOutput;
  const folder = await mkdtemp(join(tmpdir(), "timos-frames-"));
  try {
    const file = join(folder, "frames.mjs");
    await writeFile(file, output[0].code);
    const module = (await import(pathToFileURL(file).href)) as { frames: () => Record<string, string> };
    return module.frames();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Tells the service worker which files the shell is made of; their names change with their content, so the list is the version too. */
function shellOfTheServiceWorker(): Plugin {
  return {
    name: "timos-shell",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") return;
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/")).sort();
      const page = bundle["index.html"];
      const version = createHash("sha256").update(files.join()).update(page?.type === "asset" ? page.source : "").digest("hex").slice(0, 16);
      worker.code = worker.code
        .replace(/(["'`])__SHELL__\1/, JSON.stringify(files.map((name) => `/${name}`)))
        .replace("__VERSION__", version);
    },
  };
}

export default defineConfig(({ command }) => ({
  root,
  plugins: [svelte(), firstPage(), shellOfTheServiceWorker()],
  resolve: { alias },
  define: { __IS_BUILT__: String(command === "build") },
  build: {
    outDir: "../src/timos/_web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy of our pages allows data: for pictures only
    modulePreload: { polyfill: false },
    rollupOptions: {
      treeshake: { moduleSideEffects: [{ test: /\/src\/text\//, sideEffects: false }] }, // words only: what a screen does not name is not fetched with it
      input: { index: `${root}index.html`, sw: `${root}src/sw.ts` },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // few files before the first paint: on a slow line each costs more by its round trip than by its size
        codeSplitting: {
          groups: [
            { name: "early", test: /\/src\/(early|frame|theme|journal\/days|text\/(format|levels))\.ts$|preload-helper|rolldown.runtime/, priority: 9 }, // must not wait for the shell
            { debugName: "words", name: (id: string) => /\/text\/(account|charts|data|loop)\.ts$/.exec(id)?.[1] ?? null, priority: 8 },
            { name: "shell", test: isShell, priority: 7 },
            { name: "login", test: /\/screens\/account\/(Login|Outside|HowKept|PasswordField|TextField)\.svelte/, priority: 2 },
            { name: "today", test: /\/src\/screens\/(today|day)\/(?!Day\.|Prose|Inline|markdown|Extras|State)/, priority: 2 },
            { name: "charts", test: /\/src\/charts\//, priority: 1 },
          ],
        },
      },
    },
  },
  // the Host stays, as the server holds the Origin against it
  server: { proxy: { "/api": { target: process.env["TIMOS_API"] ?? "http://localhost:8000", changeOrigin: false } } },
}));
