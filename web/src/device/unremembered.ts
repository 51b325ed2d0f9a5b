/**
 * Browsers note what stands in form fields, to bring it back after a crash: in clear, in the profile on the disk. Ours brings words
 * back sealed, so no field may be noted. What keeps browsers from it is `autocomplete="off"`: an input's own, but for a textarea
 * or a select only that of its form (Chromium). Done in one place, for every field that any screen will ever have.
 */
const FORM = "unremembered";

export function keepFieldsOffDisk(): void {
  const form = document.createElement("form");
  form.id = FORM;
  form.hidden = true;
  document.body.append(form);
  const mark = (): void => {
    for (const one of document.querySelectorAll("form:not([autocomplete]), input:not([autocomplete])")) one.setAttribute("autocomplete", "off");
    for (const field of document.querySelectorAll<HTMLTextAreaElement | HTMLSelectElement>("textarea, select")) {
      if (!field.form) field.setAttribute("form", FORM);
    }
  };
  mark();
  new MutationObserver(mark).observe(document.body, { childList: true, subtree: true }); // before the browser's next task, which could note them
}
