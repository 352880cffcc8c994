import { signal } from "@preact/signals";
import { call } from "./api";

/** What the caller's files take, in bytes. */
export interface Usage {
  used: number;
  reserved: number;
  /** Null where there is no quota. */
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

/** What is stored now: by the day on which it was completed, and by kind of content. */
export interface History {
  days: Day[];
  types: Family[];
}

export const usage = signal<Usage | null>(null);
export const history = signal<History | null>(null);

/** Milliseconds that changes are gathered for: many files end together. */
const PATIENCE = 1000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Asks anew, soon. */
export function refresh(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void measure();
  }, PATIENCE);
}

/** Asks now. What cannot be told is not shown, and is no reason to disturb anybody. */
export async function measure(): Promise<void> {
  const [now, before] = await Promise.allSettled([call<Usage>("GET", "/usage"), call<History>("GET", "/usage/history")]);
  if (now.status === "fulfilled") usage.value = now.value;
  if (before.status === "fulfilled") history.value = before.value;
}
