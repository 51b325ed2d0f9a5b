/** Colours of the charts, all of them tokens but for a pillar's own. */

/** Of a level from 1 to 5, rounded as the server rounds a pixel. */
export const levelColour = (level: number): string => `var(--m${String(Math.min(5, Math.max(1, Math.floor(level + 0.5))))})`;
export const heatColour = (level: 0 | 1 | 2 | 3 | 4): string => `var(--h${String(level)})`;
/** A pillar names a token (`p1` … `p6`) or brings a colour of the writer's own. */
export const pillarColour = (colour: string | undefined): string => (colour?.startsWith("#") ? colour : `var(--${colour ?? "p1"})`);
