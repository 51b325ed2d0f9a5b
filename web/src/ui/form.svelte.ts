/** A form that is sent: busy while it is, and a refusal stands at the field that it is about. */
import { messageOf, Problem } from "$/api/problem";

export class Form {
  isBusy = $state(false);
  private refusal: { path: string | null; message: string } | null = $state.raw(null);

  /** `fields` are those that show their own error; a refusal of anything else is `general`. */
  constructor(private readonly fields: readonly string[]) {}

  /** The error of one field, "" for none. Of a list, the errors of all its parts. */
  at(field: string): string {
    return this.refusal && fieldOf(this.refusal.path) === field ? this.refusal.message : "";
  }

  get general(): string {
    return this.refusal && !this.fields.includes(fieldOf(this.refusal.path)) ? this.refusal.message : "";
  }

  /** False when it was refused, or is being sent already. */
  async send(work: () => Promise<unknown>): Promise<boolean> {
    if (this.isBusy) return false;
    this.isBusy = true;
    this.refusal = null;
    try {
      await work();
      return true;
    } catch (error) {
      this.refusal = { path: pathOf(error), message: messageOf(error) };
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}

/** A conflict of a form that makes or changes one record is about its name: no two have the same. */
function pathOf(error: unknown): string | null {
  if (!(error instanceof Problem)) return null;
  return error.path ?? (error.status === 409 ? "$.name" : null);
}

/** `$.pauses[0].to` is about `pauses`. */
export const fieldOf = (path: string | null): string => /^\$\.([^.[]+)/.exec(path ?? "")?.[1] ?? "";
