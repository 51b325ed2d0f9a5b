/** Taking out and bringing in: step-up, downloads, uploads with progress. */
import { api, ask, sendRenewing, type Schemas } from "$/api/client";
import { Problem, problemOf } from "$/api/problem";
import { upload } from "$/api/upload";
import { zipped } from "./zip";

export type Format = "archive" | "markdown" | "jsonl";
export type Report = Schemas["ImportReport"];

const ZIP = "application/zip";
const TAIL_BYTES = 4_000_000; // the directory of a zip stands at its end
const MANIFEST = "manifest.json"; // an archive of ours has one
const NOTE = /\.(md|markdown)$/i;
const HIDDEN = /(^|\/)\./;

/** One token, good once and for this action only. */
export async function stepUp(password: string, action: "export" | "erase"): Promise<string> {
  return (await ask(api.POST("/api/auth/step-up", { body: { password, action } }))).token;
}

export async function exported(token: string, onread: (bytes: number) => void, signal: AbortSignal): Promise<Blob> {
  const request = new Request("/api/exports", { method: "POST", headers: { Accept: ZIP, "X-Step-Up": token }, signal });
  const response = await sendRenewing(request);
  if (!response.ok || !response.body) throw problemOf(response.status, await response.json().catch(() => null), response.headers);
  const parts: BlobPart[] = [];
  let bytes = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: ZIP });
    parts.push(value);
    onread((bytes += value.length));
  }
}

/** Hands a file to the browser's own downloads; nothing of it stays in the page. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it later
}

/** A guess by name and content; the person can say otherwise. */
export async function formatOf(file: File): Promise<Format> {
  if (/\.(jsonl|ndjson|json)$/i.test(file.name)) return "jsonl";
  const tail = new Uint8Array(await file.slice(-TAIL_BYTES).arrayBuffer());
  return new TextDecoder("latin1").decode(tail).includes(MANIFEST) ? "archive" : "markdown";
}

/** The notes of a folder as one zip; null when there are none. Other files and hidden folders stay where they are. */
export async function packed(files: readonly File[]): Promise<File | null> {
  const notes = files.filter((file) => NOTE.test(file.name) && !HIDDEN.test(file.webkitRelativePath));
  const [folder = ""] = (notes[0]?.webkitRelativePath ?? "").split("/");
  const members = await Promise.all(notes.map(async (file) => ({ name: file.webkitRelativePath || file.name, content: new Uint8Array(await file.arrayBuffer()) })));
  return notes.length ? new File([zipped(members)], folder, { type: ZIP }) : null;
}

interface Progress {
  onsent: (share: number) => void;
  onread: (done: number, total: number) => void;
  signal: AbortSignal;
}

interface Line {
  done?: number;
  total?: number;
  report?: Report;
  problem?: { status: number } & Record<string, unknown>;
}

/** Null when the answer ended in the middle. */
export async function imported(file: Blob, format: Format, isDry: boolean, { onsent, onread, signal }: Progress): Promise<Report | null> {
  let report: Report | null = null;
  let problem: Problem | null = null;
  const online = (told: unknown): void => {
    const line = told as Line;
    if (line.done !== undefined) onread(line.done, line.total ?? 0);
    report = line.report ?? report;
    if (line.problem) problem = new Problem(line.problem.status, line.problem);
  };
  const type = format === "jsonl" ? "application/x-ndjson" : ZIP;
  await upload(`/api/imports?format=${format}&dry_run=${String(isDry)}`, file, type, { onsent, online, signal });
  if (problem) throw problem as Problem;
  return report;
}
