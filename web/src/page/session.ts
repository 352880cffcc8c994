import { computed, signal } from "@preact/signals";
import { config } from "./config";

const KEY = "waybill-token";

/** The bearer token, or null without a sign-in. It is stored until the tab is closed. */
export const token = signal<string | null>(config.token ?? sessionStorage.getItem(KEY));

/** Why the user was signed out. */
export const reason = signal("");

/** The owner that the token names. Unfinished uploads are stored by owner. */
export const owner = computed(() => (token.value === null ? "" : subjectOf(token.value)));

/** Whether the user can sign out. The token of the embedded stack needs no sign-in. */
export const isOwn = computed(() => token.value !== null && token.value !== config.token);

export function signIn(given: string): void {
  // Users may paste the whole header.
  const bare = given.trim().replace(/^(Authorization:\s*)?Bearer\s+/i, "");
  sessionStorage.setItem(KEY, bare);
  reason.value = "";
  token.value = bare;
}

export function signOut(why = ""): void {
  sessionStorage.removeItem(KEY);
  reason.value = why;
  token.value = null;
}

function subjectOf(jwt: string): string {
  try {
    const claims = jwt.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(claims)).sub);
  } catch {
    return ""; // The API returns the error.
  }
}
