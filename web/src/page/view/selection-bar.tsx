import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { deleteAll, downloadAll, moveAll, restoreAll, running } from "../bulk";
import type { StoredFile } from "../file";
import { keepingFocus } from "../focus";
import { formatPercent, plural } from "../format";
import { query } from "../query";
import { clearSelection, outcome, selected } from "../selection";
import { IconButton } from "./icons";
import { MoveDialog } from "./move-dialog";

/** What can be done with the selected files, or how far it is. */
export function SelectionBar(): JSX.Element | null {
  const isMoving = useSignal(false);
  if (running.value !== null) return <Running {...running.value} />;
  const files = selected.value;
  if (files.length === 0) return null;
  const act = (work: (files: readonly StoredFile[]) => Promise<void>) => () => void keepingFocus(() => work(files));
  const buttons = query.value.deleted ? (
    <button onClick={act(restoreAll)}>Restore</button>
  ) : (
    <>
      <button onClick={act(downloadAll)}>Download</button>
      <button onClick={() => (isMoving.value = true)}>Move…</button>
      <button onClick={act(deleteAll)}>Delete</button>
    </>
  );
  return (
    <>
      <div class="selection" role="group" aria-label="Selected files">
        <p>
          {outcome.value !== "" && <span class="alarm">{outcome.value} </span>}
          {files.length.toLocaleString("en")} selected
        </p>
        <div class="buttons">
          {buttons}
          <IconButton icon="cancel" label="Clear the selection" onClick={act(async () => clearSelection())} />
        </div>
      </div>
      {isMoving.value && (
        <MoveDialog
          what={plural(files.length, "file")}
          onMove={async (folder) => act((chosen) => moveAll(chosen, folder))()}
          onClose={() => (isMoving.value = false)}
        />
      )}
    </>
  );
}

function Running({ text, done, total }: { text: string; done: number; total: number }): JSX.Element {
  return (
    <div class="selection">
      <p>{text}</p>
      <progress max={total} value={done} aria-label={text}>
        {formatPercent(done, total)}
      </progress>
    </div>
  );
}
