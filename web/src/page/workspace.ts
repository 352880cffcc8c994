import { effect, untracked } from "@preact/signals";
import { refresh, update } from "./changes";
import { inDetail } from "./detail";
import { listen } from "./events";
import * as files from "./files";
import { owner, token } from "./session";
import * as uploads from "./uploads";
import { measure } from "./usage";

let lastOwner = "";

/** Works for whoever is signed in, for as long as they are. */
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
    // A token has run out and there is another: nothing is lost.
    uploads.resumeAll();
  } else {
    lastOwner = owner.value;
    uploads.uploads.value = [];
    files.items.value = [];
    files.query.value = files.EVERYTHING;
  }
  void files.listAnew();
  void measure();
  void uploads.takeUp();
  // What was listed by then may be from before the first event, and is listed again.
  void listen({ onFile: update, onStart: refresh }, signal);
}
