const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Formats bytes in decimal units: 1536 is 1.5 kB. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  // Two digits are enough.
  const text = unit === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
  return `${text} ${UNITS[unit]}`;
}

/** Formats seconds, rounded. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return "1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export function formatPercent(part: number, whole: number): string {
  // Rounded down, so that 100% means complete.
  return `${whole === 0 ? 100 : Math.floor((100 * part) / whole)}%`;
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

const STEPS: [number, number, Intl.RelativeTimeFormatUnit][] = [
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [30 * 86_400, 86_400, "day"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

/** Formats how long ago a time is, or its day if it is more than 30 days ago. */
export function formatAge(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 60) return "just now";
  for (const [below, length, unit] of STEPS) {
    if (seconds < below) return relative.format(-Math.floor(seconds / length), unit);
  }
  return day.format(new Date(time));
}

export const formatTime = (time: string) => moment.format(new Date(time));
