/** RFC 9457 problems, as the server tells them. */
import { text } from "../text";

export class Problem extends Error {
  /** The server's own word for the kind of problem; "unreachable" when nothing answered. */
  readonly code: string;
  /** The first wrong field, as a JSON path: `$.body`. */
  readonly path: string | null;
  readonly requestId: string | null;
  /** Of a conflict (412): what is stored, and its ETag; null when nothing is. */
  readonly stored: Record<string, unknown> | null;
  readonly etag: string | null;
  /** After how many seconds to try again; null when the server does not say. */
  readonly retryAfter: number | null;

  /** `status` 0 means that nothing answered. */
  constructor(
    readonly status: number,
    body: Record<string, unknown> = {},
    retryAfter: number | null = null,
  ) {
    super(status === 0 ? text.shell.unreachable : textOf(body["detail"]) ?? textOf(body["title"]) ?? text.shell.unexpected(status));
    this.name = "Problem";
    this.code = status === 0 ? "unreachable" : (textOf(body["code"]) ?? "unknown");
    this.path = textOf(body["path"]);
    this.requestId = textOf(body["request_id"]);
    this.stored = (body["stored"] ?? null) as Record<string, unknown> | null;
    this.etag = textOf(body["etag"]);
    this.retryAfter = retryAfter;
  }

  /** Worth trying again later, with nothing changed: nobody answered, or the server cannot just now. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function problemOf(status: number, body: unknown, headers: Headers): Problem {
  const seconds = Number(headers.get("Retry-After") ?? NaN);
  const members = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  return new Problem(status, members, Number.isFinite(seconds) ? seconds : null);
}

/** What to tell of any failure; faults of ours included, which must not end in silence. */
export function messageOf(error: unknown): string {
  return error instanceof Problem ? error.message : text.shell.broken;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
