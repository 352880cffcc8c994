import { effect, untracked } from "@preact/signals";
import { refresh, update } from "./changes";
import { inDetail } from "./detail";
import { listen } from "./events";
import * as files from "./files";
import { owner, token } from "./session";
import * as uploads from "./uploads";
import { load as loadUsage } from "./usage";

let lastOwner = "";

/** Starts the page's work at each sign-in, and stops it at the sign-out. */
export function start(): void {
  effect(() => {
    if (token.value === null) return undefined;
    const control = new AbortController();
    untracked(() => begin(control.signal));
    return () => {
      control.abort();
      uploads.pauseAll();
      inDetail.value = null;
    };
  });
}

function begin(signal: AbortSignal): void {
  if (owner.value === lastOwner) {
    // The same owner with a new token: continue.
    uploads.resumeAll();
  } else {
    lastOwner = owner.value;
    uploads.uploads.value = [];
    files.items.value = [];
    files.query.value = files.EVERYTHING;
  }
  void files.reload();
  void loadUsage();
  void uploads.restoreInterrupted();
  // The list may be older than the first event, so the listener reloads it.
  void listen({ onFile: update, onStart: refresh }, signal);
}
