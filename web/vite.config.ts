import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

/** What every screen needs; the service worker shares nothing with it. */
function isShell(id: string): boolean {
  if (/\/node_modules\/(svelte|esm-env|clsx|openapi-fetch)\//.test(id)) return true;
  return /\/src\/(api|device|journal|text|ui)\/|\/src\/[^/]+$|\/invitations\.svelte\.ts$/.test(id) && !/\/src\/(sw|main|early)\.ts$/.test(id);
}

/** Lets the browser fetch the shell at once, and today beside it: most visits begin there. */
function shellAtOnce(): Plugin {
  return {
    name: "timos-at-once",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const first = Object.keys(bundle ?? {}).filter((name) => /^assets\/(start|shell|today|Today)-[^/]+\.js$/.test(name));
        // scripts only: of a style that a screen does not use, the browser complains
        return first.map((name) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}` }, injectTo: "head" as const }));
      },
    },
  };
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
  plugins: [svelte(), shellAtOnce(), shellOfTheServiceWorker()],
  resolve: { alias: { $: `${root}src` } },
  define: { __IS_BUILT__: String(command === "build") },
  build: {
    outDir: "../src/timos/_web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy of our pages allows data: for pictures only
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: `${root}index.html`, sw: `${root}src/sw.ts` },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // few files before the first paint: on a slow line each costs more by its round trip than by its size
        codeSplitting: {
          groups: [
            { name: "early", test: /\/src\/early\.ts$|preload-helper/, priority: 4 }, // the first calls must not wait for the shell
            { name: "shell", test: isShell, priority: 3 },
            { name: "today", test: /\/src\/screens\/(today|day)\/(?!Day\.|Prose|Inline|markdown)/, priority: 2 },
            { name: "charts", test: /\/src\/charts\//, priority: 1 },
          ],
        },
      },
    },
  },
  // the Host stays, as the server holds the Origin against it
  server: { proxy: { "/api": { target: process.env["TIMOS_API"] ?? "http://localhost:8000", changeOrigin: false } } },
}));
