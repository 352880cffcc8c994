import { signal } from "@preact/signals";

/** A message to the user, with an optional action. */
export interface Notice {
  key: number;
  text: string;
  isAlarm: boolean;
  action: { label: string; run: () => void } | null;
}

export const notices = signal<readonly Notice[]>([]);

/** The text for screen readers. Other users see it elsewhere on the page. */
export const spokenText = signal("");

let last = 0;

export function notify(text: string, action: Notice["action"] = null): void {
  show({ key: ++last, text, isAlarm: false, action });
}

/** Shows an error, until the user dismisses it. */
export function warn(text: string): void {
  show({ key: ++last, text, isAlarm: true, action: null });
}

export function dismiss(notice: Notice): void {
  notices.value = notices.value.filter((other) => other !== notice);
}

function show(notice: Notice): void {
  // Show the same message only once.
  notices.value = [...notices.value.filter((other) => other.text !== notice.text), notice].slice(-3);
}

let pending: string[] = [];

/** Announces a text to screen readers. Texts at the same time are announced together. */
export function announceToScreenReader(text: string): void {
  if (pending.push(text) > 1) return;
  setTimeout(() => {
    const [first, ...others] = pending;
    spokenText.value = others.length > 2 ? `${first} And ${others.length} more.` : pending.join(" ");
    pending = [];
  }, 300);
}
