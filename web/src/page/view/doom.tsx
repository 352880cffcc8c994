import type { JSX } from "preact";
import { doomed } from "../actions";
import { Dialog } from "./dialog";

/** Asks before a deletion that nothing undoes. */
export function Doom(): JSX.Element | null {
  if (doomed.value === null) return null;
  const { file, decide } = doomed.value;
  return (
    <Dialog label="doom" class="doom" onClose={() => decide(false)}>
      <h2 id="doom">Delete {file.name} for good?</h2>
      <p>Nothing brings it back: this server keeps no trash.</p>
      <div class="buttons">
        <button type="button" onClick={() => decide(false)}>
          Keep it
        </button>
        <button type="button" class="primary danger" onClick={() => decide(true)}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
