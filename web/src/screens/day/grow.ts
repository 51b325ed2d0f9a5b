/** Svelte action: a text area as high as its words, in browsers that do not know `field-sizing` yet. */
const isNative = (): boolean => CSS.supports("field-sizing", "content");

export function grow(field: HTMLTextAreaElement, _words: string): { update: () => void } {
  const fit = (): void => {
    if (isNative()) return;
    field.style.height = "auto";
    field.style.height = `${String(field.scrollHeight)}px`;
  };
  fit();
  return { update: fit };
}
