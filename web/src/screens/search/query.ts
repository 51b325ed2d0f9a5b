/** What is sent for what is typed. */

const BEGUN = /(?:^|\s)[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{M}\p{N}]{2,}$/u; // scripts that have words with spaces between

/** The last word may be just begun; a space after it, a star or quotes say that it is meant as it stands. */
export function queryOf(typed: string): string {
  const isInQuotes = (typed.match(/["“”„«»]/g) ?? []).length % 2 === 1;
  return BEGUN.test(typed) && !isInQuotes ? `${typed.trim()}*` : typed.trim();
}
