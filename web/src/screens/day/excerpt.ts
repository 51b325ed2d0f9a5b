/** The beginning of a text without its marks, for a place where only a glance of it fits. */
const LONGEST = 180; // characters
const MARKS = /^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+|```.*$)|(?<![\p{L}\p{N}])[*_`~]{1,3}(?=\S)|(?<=\S)[*_`~]{1,3}(?![\p{L}\p{N}])/gmu;
const LINK = /!?\[([^\]]*)\]\([^)]*\)/g;

export function excerptOf(markdown: string, longest = LONGEST): string {
  const words = markdown.replace(LINK, "$1").replace(MARKS, "").replace(/\s+/g, " ").trim();
  if (words.length <= longest) return words;
  const cut = words.slice(0, longest);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), longest / 2)).replace(/[,;:.–-]+$/, "")}…`;
}
