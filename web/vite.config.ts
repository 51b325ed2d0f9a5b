import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

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
  plugins: [svelte(), shellOfTheServiceWorker()],
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
      output: { entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  // the Host stays, as the server holds the Origin against it
  server: { proxy: { "/api": { target: process.env["TIMOS_API"] ?? "http://localhost:8000", changeOrigin: false } } },
}));
