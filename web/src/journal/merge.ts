/**
 * Three-way merge of documents, field by field: what only one side changed is taken from that side. A field that both changed,
 * to different things, is a conflict and is left to the person: nothing written is ever chosen against by a rule.
 */

export type Document = Record<string, unknown>;

export interface Merged<T> {
  document: T;
  /** Fields that both sides changed; `document` holds mine for these. */
  conflicts: string[];
}

/** JSON values with the same content; a missing member counts as null, "" or [], as the server's defaults do. */
export function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member === "" || (Array.isArray(member) && member.length === 0)) return null;
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    const entries = Object.entries(member).filter(([, each]) => !(each === null || each === "" || each === undefined || (Array.isArray(each) && each.length === 0)));
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }) ?? "null";
}

/** `base` is what both began with; null when there was nothing. `theirs` null means that it was deleted meanwhile. */
export function merge<T extends Document>(base: T | null, mine: T, theirs: T | null, unions: readonly string[] = []): Merged<T> {
  const conflicts: string[] = [];
  const document: Document = { ...theirs };
  for (const field of new Set([...Object.keys(base ?? {}), ...Object.keys(mine), ...Object.keys(theirs ?? {})])) {
    const before = base?.[field];
    const [own, other] = [mine[field], theirs?.[field]];
    if (isSame(own, other) || isSame(own, before)) document[field] = theirs ? other : own;
    else if (isSame(other, before)) document[field] = own;
    else if (unions.includes(field)) document[field] = union(before, own, other);
    else {
      document[field] = own;
      conflicts.push(field);
    }
  }
  for (const [field, value] of Object.entries(document)) if (value === undefined) delete document[field];
  return { document: document as T, conflicts };
}

/** Lists of words or of things with an id: what either side added is in, what either side took out is out. */
function union(before: unknown, mine: unknown, theirs: unknown): unknown[] {
  const [old, own, other] = [before, mine, theirs].map((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  const keys = (list: unknown[] = []): Set<string> => new Set(list.map(keyOf));
  const [was, isMine] = [keys(old), keys(own)];
  const kept = (other ?? []).filter((one) => isMine.has(keyOf(one)) || !was.has(keyOf(one)));
  const present = keys(kept);
  return [...kept, ...(own ?? []).filter((one) => !was.has(keyOf(one)) && !present.has(keyOf(one)))];
}

function keyOf(one: unknown): string {
  const id = typeof one === "object" && one !== null ? (one as Document)["id"] ?? (one as Document)["pillar"] : undefined;
  return typeof id === "string" ? id : canonical(one);
}

/** Sentences and lines that both texts begin or end with, once, and what differs between them one after the other; whole where one holds the other. */
export function joined(mine: string, theirs: string): string {
  if (theirs.includes(mine)) return theirs;
  if (mine.includes(theirs)) return mine;
  const [own, other] = [sentencesOf(mine), sentencesOf(theirs)];
  const start = sharedStart(own, other);
  const end = sharedStart(own.slice(start).reverse(), other.slice(start).reverse());
  const middleOf = (all: string[]): string => all.slice(start, all.length - end).join("");
  if (!middleOf(own).trim()) return theirs;
  if (!middleOf(other).trim()) return mine;
  return `${other.slice(0, start).join("")}${middleOf(other).trimEnd()}\n\n${middleOf(own)}${own.slice(own.length - end).join("")}`;
}

/** With the space that follows each. */
const sentencesOf = (text: string): string[] => text.match(/[^]+?(?:[.!?…]["”’)]*\s+|\n\s*|$)/g) ?? [];

function sharedStart(one: readonly string[], other: readonly string[]): number {
  const at = one.findIndex((sentence, index) => sentence.trimEnd() !== other[index]?.trimEnd());
  return at < 0 ? one.length : at;
}
