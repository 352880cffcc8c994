import { effect, untracked } from "@preact/signals";
import { refresh, update } from "./changes";
import { inDetail } from "./detail";
import { listen } from "./events";
import type { StoredFile } from "./file";
import { keepingFocus } from "./focus";
import { reload, reset } from "./listing";
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
    // The first owner's list is the one that the URL names.
    if (lastOwner !== "") reset();
    lastOwner = owner.value;
    uploads.uploads.value = [];
  }
  void reload();
  void loadUsage();
  void uploads.restoreInterrupted();
  // The list may be older than the first event, so the listener reloads it.
  void listen({ onFile, onStart: refresh }, signal);
}

function onFile(file: StoredFile): void {
  // The change may remove the row that has the focus.
  void keepingFocus(async () => update(file));
}
