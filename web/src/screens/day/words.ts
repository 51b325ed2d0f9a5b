/** What counts as a word: letters or digits with what stands between them; "don't" and "e-mail" are one each. */
const WORD = /[\p{L}\p{N}]+(?:[’'_-][\p{L}\p{N}]+)*/gu;

export const countWords = (text: string): number => text.match(WORD)?.length ?? 0;
