import { signal } from "@preact/signals";
import { call } from "./api";

/** The space that the owner's files use, in bytes. */
export interface Usage {
  used: number;
  reserved: number;
  /** Null without a quota. */
  limit: number | null;
  files: number;
}

export interface Day {
  date: string;
  size: number;
  files: number;
}

export interface Family {
  type: string;
  size: number;
  files: number;
}

/** What is stored now, by the day of completion and by type. */
export interface History {
  days: Day[];
  types: Family[];
}

export const usage = signal<Usage | null>(null);
export const history = signal<History | null>(null);

/** Changes within this time cause one request, because many files may end together. */
const REFRESH_DELAY_MS = 1000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Loads the usage again after a short delay. */
export function refresh(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void load();
  }, REFRESH_DELAY_MS);
}

/** Loads the usage. If a request fails, the page shows the old values and no error. */
export async function load(): Promise<void> {
  const [now, before] = await Promise.allSettled([call<Usage>("GET", "/usage"), call<History>("GET", "/usage/history")]);
  if (now.status === "fulfilled") usage.value = now.value;
  if (before.status === "fulfilled") history.value = before.value;
}
