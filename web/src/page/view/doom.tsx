import type { JSX } from "preact";
import { doomed, removeNow } from "../actions";
import { Dialog } from "./dialog";

/** Asks before a deletion that nothing undoes. */
export function Doom(): JSX.Element | null {
  const file = doomed.value;
  if (file === null) return null;
  const close = () => {
    doomed.value = null;
  };
  return (
    <Dialog label="doom" class="doom" onClose={close}>
      <h2 id="doom">Delete {file.name} for good?</h2>
      <p>Nothing brings it back: this server keeps no trash.</p>
      <div class="buttons">
        <button type="button" onClick={close}>
          Keep it
        </button>
        <button
          type="button"
          class="primary danger"
          onClick={() => {
            close();
            void removeNow(file);
          }}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}
