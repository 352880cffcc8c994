import type { Day, Family } from "./usage";

const DAY = 86_400_000;

/** Days that a picture shows at least, so that the first of them is no picture of one step. */
const LEAST_DAYS = 7;

/** Kinds that are shown by name; the others together are the rest. */
const NAMED = 5;

export interface Growth {
  /** What is stored at the end of each day, as points of a box of 100 by 100, from its lower left. */
  line: string;
  first: string;
  total: number;
}

/** How what is stored now came together, day by day until today (UTC). */
export function growthOf(days: readonly Day[], today = new Date()): Growth | null {
  if (days.length === 0) return null;
  const end = Date.parse(today.toISOString().slice(0, 10));
  const start = Math.min(Date.parse(days[0]!.date), end - (LEAST_DAYS - 1) * DAY);
  const total = days.reduce((sum, day) => sum + day.size, 0);
  // A step for each day: nothing is known of the hours between.
  const span = (end - start) / DAY + 1;
  const x = (date: number) => ((date - start) / DAY / span) * 100;
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
  // Files of no bytes are files too, and a picture without height is none.
  return (100 - (total === 0 ? 0 : (stored / total) * 100)).toFixed(2);
}

export interface Share extends Family {
  /** Where its piece of a bar of 100 begins, and how long it is. */
  start: number;
  length: number;
}

/** The kinds of content as pieces of a bar; what is beyond the first few is one piece. */
export function sharesOf(types: readonly Family[]): Share[] {
  const rest = types.slice(NAMED);
  const kinds = types.slice(0, NAMED);
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
