import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crc32, zipped } from "./zip";

const bytes = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words);

test("the checksum is the one of the standard", () => {
  expect(crc32(bytes("123456789"))).toBe(0xcbf43926); // the check value of CRC-32/ISO-HDLC
});

test("another program reads what was packed, names in any script included", async () => {
  const folder = mkdtempSync(join(tmpdir(), "timos-zip-"));
  try {
    const file = join(folder, "notes.zip");
    const blob = zipped([
      { name: "Tagebuch/2026-11-22 Nebel über Zürich.md", content: bytes("# Früh auf\n") },
      { name: "2026-11-23.md", content: bytes("") },
    ]);
    writeFileSync(file, new Uint8Array(await blob.arrayBuffer()));
    const program = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nfor n in z.namelist(): print(n, len(z.read(n)))";
    const listed = execFileSync("python3", ["-c", program, file], { env: { ...process.env, PYTHONIOENCODING: "utf-8" } }).toString();
    expect(listed).toBe("Tagebuch/2026-11-22 Nebel über Zürich.md 12\n2026-11-23.md 0\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
