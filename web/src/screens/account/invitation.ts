/** The token of a setup link or an invitation, as it stands in what somebody opened or pasted. */

export type Kind = "setup" | "invite";

export interface Invitation {
  kind: Kind;
  token: string;
}

const LINK = /(?:^|#)(setup|invite)=([\w.~-]+)\s*$/;
const BARE = /^[\w.~-]{16,}$/;

/** Of a whole link, its fragment, or the bare token; null for anything else. */
export function invitationIn(words: string): Invitation | null {
  const trimmed = words.trim();
  const found = LINK.exec(trimmed);
  if (found?.[1] && found[2]) return { kind: found[1] as Kind, token: found[2] };
  return BARE.test(trimmed) ? { kind: "invite", token: trimmed } : null;
}
