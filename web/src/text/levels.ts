/** The five levels of a mind, in words: of the pulse and of every chart. */
export const LEVELS = ["Heavy", "Low", "Even", "Good", "Bright"] as const;
