/** Taking the entry of a day away, with a way back: what was deleted is kept here until the offer to undo is over. */
import { send } from "$/api/client";
import { messageOf } from "$/api/problem";
import type { Stored } from "$/journal/stored";
import { joined } from "$/journal/merge";
import { text } from "$/text";
import { toasts } from "$/ui/toasts.svelte";
import type { DayBook, Entry } from "./book.svelte";

/** False when it could not be deleted, and that was said. What was being written is sent first, so that nothing of it is lost. */
export async function deleteEntry(book: DayBook): Promise<boolean> {
  const path = `/api/entries/${book.day}`;
  try {
    await book.entry.flush();
    const { known } = book.entry;
    if (!known || book.entry.isUnsent) return false; // its state line says why
    await send("DELETE", path, undefined, known.etag ? { "If-Match": known.etag } : {});
    book.entry.refresh(null);
    toasts.say(text.today.entryDeleted, () => void bringBack(book, known.document));
    return true;
  } catch (problem) {
    toasts.say(messageOf(problem));
    await book.reload();
    return false;
  }
}

/** Over whatever was written since: both texts are kept then. */
async function bringBack(book: DayBook, document: Entry): Promise<void> {
  const path = `/api/entries/${book.day}`;
  const now = book.entry.document;
  try {
    if (now.body || now.title) {
      book.entry.edit({ ...document, body: joined(now.body ?? "", document.body ?? "") });
      return toasts.say(text.today.entryNotBack);
    }
    book.entry.refresh(await send<Stored<Entry>>("PUT", path, document));
    toasts.say(text.today.entryBack);
  } catch (problem) {
    toasts.say(messageOf(problem), () => void bringBack(book, document));
  }
}
