/** Puts the caret back where it was when the page is reloaded in the middle of a sentence. Keeps two numbers, never the words. */
const KEY = "timos.caret";

interface Place {
  path: string;
  field: string;
  start: number;
  end: number;
}

/** Svelte action for a text field: `use:caret={"entry"}`. The field's words must be there when it is called or soon after. */
export function caret(field: HTMLTextAreaElement | HTMLInputElement, name: string): { destroy: () => void } {
  restore(field, name);
  const note = (): void => {
    const place: Place = { path: location.pathname, field: name, start: field.selectionStart ?? 0, end: field.selectionEnd ?? 0 };
    sessionStorage.setItem(KEY, JSON.stringify(place));
  };
  const forget = (): void => sessionStorage.removeItem(KEY);
  field.addEventListener("input", note);
  field.addEventListener("keyup", note);
  field.addEventListener("pointerup", note);
  field.addEventListener("blur", forget);
  return {
    destroy() {
      field.removeEventListener("blur", forget);
    },
  };
}

function restore(field: HTMLTextAreaElement | HTMLInputElement, name: string): void {
  const noted = sessionStorage.getItem(KEY);
  if (!noted) return;
  const place = JSON.parse(noted) as Place;
  if (place.path !== location.pathname || place.field !== name) return;
  field.focus({ preventScroll: false });
  field.setSelectionRange(Math.min(place.start, field.value.length), Math.min(place.end, field.value.length));
}
