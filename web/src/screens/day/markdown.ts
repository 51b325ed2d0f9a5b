/**
 * Markdown as a tree that components draw; a chunk of its own. HTML in it is text, a picture is its description: nothing that
 * somebody wrote or imported is ever run or fetched.
 */
import { Lexer, type Token, type Tokens } from "marked";

export type { Token, Tokens };

const SAFE_LINK = /^(https?:|mailto:|tel:)/i;

export const blocksOf = (markdown: string): Token[] => new Lexer({ gfm: true, breaks: true }).lex(markdown);

/** An address that may be followed; null for a script, a file, or anything else. */
export const safeHref = (href: string): string | null => (SAFE_LINK.test(href.trim()) ? href.trim() : null);

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" }; // what exports of other diaries have
const ENTITY = /&(?:#(\d{2,6})|([a-z]+));/g;

/** What was written, where it means no more than itself. */
export function plain(token: Token): string {
  const words = "text" in token && typeof token.text === "string" ? token.text : token.raw;
  if (token.type === "code" || token.type === "codespan") return words;
  return words.replace(ENTITY, (whole, code: string | undefined, name: string | undefined) => (code ? String.fromCodePoint(Number(code)) : (ENTITIES[name ?? ""] ?? whole)));
}
