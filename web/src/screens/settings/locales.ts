/** Ways to write dates and numbers, each under its own name. The words of the app stay in the app's language. */

export interface Locale {
  tag: string;
  label: string;
}

const TAGS = [
  "cs-CZ", "da-DK", "de-AT", "de-CH", "de-DE", "el-GR", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-US", "es-ES", "es-MX", "et-EE",
  "fi-FI", "fr-CA", "fr-CH", "fr-FR", "he-IL", "hi-IN", "hu-HU", "id-ID", "it-CH", "it-IT", "ja-JP", "ko-KR", "lt-LT", "lv-LV", "nb-NO",
  "nl-BE", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "sk-SK", "sl-SI", "sv-SE", "th-TH", "tr-TR", "uk-UA", "vi-VN", "zh-CN", "zh-TW",
];

/** `current` included, whoever set it. */
export function locales(current: string): Locale[] {
  const all = current && !TAGS.includes(current) ? [current, ...TAGS] : TAGS;
  return all.map((tag) => ({ tag, label: nameOf(tag) })).sort((one, other) => one.label.localeCompare(other.label));
}

function nameOf(tag: string): string {
  try {
    const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag; // not a tag that this browser knows
  }
}
