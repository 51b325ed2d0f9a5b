/** A document as the server has it. What it acknowledged to this tab is not undone on the screen by an answer that was read before and comes after. */
import type { Document } from "./merge";

export interface Stored<T> {
  id: string;
  etag: string;
  created_at: string;
  updated_at: string;
  document: T;
}

const acknowledged = new Map<string, { stored: Stored<Document>; at: number }>();
const OVERTAKEN_MS = 10_000; // how long an answer that knows of no document may still be one from before

export function acknowledge(path: string, stored: Stored<Document>): void {
  acknowledged.set(path, { stored, at: Date.now() });
}

export const acknowledgeDeletion = (path: string): boolean => acknowledged.delete(path);

/** Of the answer and what was acknowledged, what the server stored last. */
export function newest<T>(path: string, stored: Stored<T> | null): Stored<T> | null {
  const last = acknowledged.get(path);
  if (!last) return stored;
  const isOvertaken = stored ? Date.parse(stored.updated_at) < Date.parse(last.stored.updated_at) : Date.now() - last.at < OVERTAKEN_MS;
  return isOvertaken ? (last.stored as Stored<T>) : stored;
}
