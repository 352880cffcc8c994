import { signal } from "@preact/signals";

/** Something to tell a person, perhaps with something to do about it. */
export interface Notice {
  key: number;
  text: string;
  isAlarm: boolean;
  action: { label: string; run: () => void } | null;
}

export const notices = signal<readonly Notice[]>([]);

/** What a screen reader says, though it stands elsewhere for those who see. */
export const said = signal("");

let last = 0;

export function notify(text: string, action: Notice["action"] = null): void {
  show({ key: ++last, text, isAlarm: false, action });
}

/** Tells of something that did not work; stays until it is dismissed. */
export function warn(text: string): void {
  show({ key: ++last, text, isAlarm: true, action: null });
}

export function dismiss(notice: Notice): void {
  notices.value = notices.value.filter((other) => other !== notice);
}

function show(notice: Notice): void {
  // The same trouble many times is one trouble.
  notices.value = [...notices.value.filter((other) => other.text !== notice.text), notice].slice(-3);
}

let pending: string[] = [];

/** Has a screen reader say it; what comes at once is said together. */
export function say(text: string): void {
  if (pending.push(text) > 1) return;
  setTimeout(() => {
    const [first, ...others] = pending;
    said.value = others.length > 2 ? `${first} And ${others.length} more.` : pending.join(" ");
    pending = [];
  }, 300);
}
