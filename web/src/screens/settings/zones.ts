/** Time zones as this browser knows them. */

export interface Zone {
  id: string;
  label: string;
}

export const zoneOfDevice = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** All of them, `current` included when the browser does not know it. */
export function zones(current: string): Zone[] {
  const known = new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), zoneOfDevice(), current].filter(Boolean));
  return [...known].sort().map((id) => ({ id, label: id.replaceAll("_", " ").replaceAll("/", " / ") }));
}
