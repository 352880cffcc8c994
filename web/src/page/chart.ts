import type { Day, Family } from "./usage";

const DAY_MS = 86_400_000;

/** A chart shows at least this many days, because a single day is only a step. */
const MIN_DAYS = 7;

/** How many types are shown by name. The others are one group. */
const MAX_NAMED_TYPES = 5;

export interface Growth {
  /** The stored bytes at the end of each day, as SVG points in a box of 100 by 100. */
  line: string;
  first: string;
  total: number;
}

/** Returns the growth of what is stored now, by day until today (UTC). */
export function growthOf(days: readonly Day[], today = new Date()): Growth | null {
  if (days.length === 0) return null;
  const end = Date.parse(today.toISOString().slice(0, 10));
  const start = Math.min(Date.parse(days[0]!.date), end - (MIN_DAYS - 1) * DAY_MS);
  const total = days.reduce((sum, day) => sum + day.size, 0);
  // One step per day, because the hours are unknown.
  const span = (end - start) / DAY_MS + 1;
  const x = (date: number) => ((date - start) / DAY_MS / span) * 100;
  let stored = 0;
  let line = "0,100";
  for (const day of days) {
    const at = x(Date.parse(day.date)).toFixed(2);
    line += ` ${at},${height(stored, total)}`;
    stored += day.size;
    line += ` ${at},${height(stored, total)}`;
  }
  line += ` 100,${height(stored, total)}`;
  return { line, first: new Date(start).toISOString().slice(0, 10), total };
}

function height(stored: number, total: number): string {
  // If all files are empty, the total is 0, and the line is at the bottom.
  return (100 - (total === 0 ? 0 : (stored / total) * 100)).toFixed(2);
}

export interface Share extends Family {
  /** The start and the length of its piece in a bar of 100. */
  start: number;
  length: number;
}

/** Returns the types as pieces of a bar. The last piece is the group of the others. */
export function sharesOf(types: readonly Family[]): Share[] {
  const rest = types.slice(MAX_NAMED_TYPES);
  const kinds = types.slice(0, MAX_NAMED_TYPES);
  if (rest.length > 0) {
    const size = rest.reduce((sum, family) => sum + family.size, 0);
    kinds.push({ type: "other", size, files: rest.reduce((sum, family) => sum + family.files, 0) });
  }
  const total = kinds.reduce((sum, family) => sum + family.size, 0) || 1;
  let start = 0;
  return kinds.map((family) => {
    const share = { ...family, start, length: (family.size / total) * 100 };
    start += share.length;
    return share;
  });
}
