import type { JSX } from "preact";
import { pendingDeletion } from "../actions";
import { hasTrash } from "../file";
import { Dialog } from "./dialog";

/** Asks for confirmation of a deletion. */
export function ConfirmDelete(): JSX.Element | null {
  if (pendingDeletion.value === null) return null;
  const { what, decide } = pendingDeletion.value;
  return (
    <Dialog label="confirm-delete" class="confirm-delete" onClose={() => decide(false)}>
      <h2 id="confirm-delete">
        Delete {what}
        {hasTrash ? "?" : " permanently?"}
      </h2>
      <p>
        {hasTrash
          ? "Deleted files go to the trash, and can be restored for a limited time."
          : "This cannot be undone, because this server has no trash."}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => decide(false)}>
          Cancel
        </button>
        <button type="button" class="primary danger" onClick={() => decide(true)}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
