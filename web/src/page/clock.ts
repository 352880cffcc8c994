import { signal } from "@preact/signals";

/** The current time, updated often enough for ages. */
export const now = signal(Date.now());

setInterval(() => {
  now.value = Date.now();
}, 30_000);
