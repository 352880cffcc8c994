import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { folderOf } from "../path";
import { messageOf } from "../problem";
import { query } from "../query";
import { Dialog } from "./dialog";
import { FolderField } from "./folder-field";

/** Asks for the folder that something is moved to. What `onMove` throws is shown at the field. */
export function MoveDialog(props: {
  what: string;
  onMove: (folder: string) => Promise<void>;
  onClose: () => void;
}): JSX.Element {
  const { what, onMove, onClose } = props;
  const folder = useSignal(query.value.folder);
  const error = useSignal("");
  const move = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    try {
      await onMove(folderOf(folder.value));
      onClose();
    } catch (reason) {
      error.value = messageOf(reason);
    }
  };
  return (
    <Dialog label="move" class="move" onClose={onClose}>
      <h2 id="move">Move {what}</h2>
      <form onSubmit={(event) => void move(event)}>
        <label for="move-to">To the folder</label>
        <FolderField
          id="move-to"
          value={folder.value}
          describedBy={error.value === "" ? undefined : "move-error"}
          onInput={(typed) => (folder.value = typed)}
        />
        <p id="move-error" role="alert" class="alarm">
          {error.value}
        </p>
        <p class="faint">Separate folders by slashes. A new folder begins with its first file. Empty is the top.</p>
        <div class="buttons">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary">Move</button>
        </div>
      </form>
    </Dialog>
  );
}
