/** The pages of the settings, in their order. */
export const SECTIONS = ["profile", "journal", "appearance", "security", "data"] as const;

export type Section = (typeof SECTIONS)[number];
