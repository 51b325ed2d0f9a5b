// Finishes what Vite has built: the API reference beside the app, and every file that shrinks compressed once, as well as it goes.
// node finish.js <folder>

import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const SHRINKING = new Set([".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest"]);
const LEAST_BYTES = 512; // a smaller file does not fill a packet anyway
const BIG_BYTES = 512 * 1024; // Swagger UI only: the last 10 % would take three seconds of every build

const here = fileURLToPath(new URL(".", import.meta.url));
const built = process.argv[2];
if (!built) throw new Error("usage: node finish.js <folder>");

await addReference();
const files = await readdir(built, { recursive: true, withFileTypes: true });
await Promise.all(
  files.filter((file) => file.isFile() && SHRINKING.has(extname(file.name))).map((file) => compress(join(file.parentPath, file.name))),
);

/** Swagger UI from its package, started by a script of ours; its licence goes along. */
async function addReference() {
  const folder = join(built, "reference");
  const packaged = join(here, "node_modules", "swagger-ui-dist");
  await mkdir(folder, { recursive: true });
  await Promise.all([
    cp(join(here, "reference"), folder, { recursive: true }),
    cp(join(packaged, "swagger-ui.css"), join(folder, "swagger-ui.css")),
    cp(join(packaged, "swagger-ui-bundle.js"), join(folder, "swagger-ui.js")),
    ...["LICENSE", "NOTICE"].map((name) => cp(join(packaged, name), join(folder, `${name}.txt`))),
    cp(join(packaged, "swagger-ui-bundle.js.LICENSE.txt"), join(folder, "LICENSES-OF-PARTS.txt")),
  ]);
}

async function compress(path) {
  const content = await readFile(path);
  if (content.length < LEAST_BYTES) return;
  const quality = content.length < BIG_BYTES ? constants.BROTLI_MAX_QUALITY : 9;
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  const variants = { br: await promisify(brotliCompress)(content, { params }), gz: await promisify(gzip)(content, { level: 9 }) };
  await Promise.all(
    Object.entries(variants)
      .filter(([, smaller]) => smaller.length < content.length)
      .map(([suffix, smaller]) => writeFile(`${path}.${suffix}`, smaller)),
  );
}
