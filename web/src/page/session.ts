import { computed, signal } from "@preact/signals";
import { config } from "./config";

const KEY = "waybill-token";

/** The bearer token, or null while nobody is signed in. Kept as long as the tab at most. */
export const token = signal<string | null>(config.token ?? sessionStorage.getItem(KEY));

/** Why the token that was there is there no more. */
export const reason = signal("");

/** Whose token it is: what is kept of unfinished uploads is kept for them alone. */
export const owner = computed(() => (token.value === null ? "" : subjectOf(token.value)));

/** Whether somebody may sign out: the embedded stack signs everybody in. */
export const isOwn = computed(() => token.value !== null && token.value !== config.token);

export function signIn(given: string): void {
  // People paste the whole header.
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
    return ""; // The API will say what is wrong with it.
  }
}
