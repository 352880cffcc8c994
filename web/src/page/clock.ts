import { signal } from "@preact/signals";

/** The time, often enough to tell ages by. */
export const now = signal(Date.now());

setInterval(() => {
  now.value = Date.now();
}, 30_000);
