import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { keepingFocus } from "../focus";
import { deleteFolder, moveFolder, operations, renameFolder } from "../operations";
import { segmentOf } from "../path";
import { endRename, renamed, startRename } from "../rename";
import { FolderLink } from "./folder-link";
import { FolderProgress } from "./folder-progress";
import { Icon, IconButton } from "./icons";
import { MoveDialog } from "./move-dialog";
import { NameEditor } from "./name-editor";

export function FolderRow({ folder }: { folder: string }): JSX.Element {
  const name = segmentOf(folder);
  const isMoving = useSignal(false);
  const running = operations.value.find((operation) => operation.folder === folder);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTableRowElement>) => {
    const isInDialog = (event.target as Element).closest("dialog") !== null;
    if (event.key === "F2" && !isInDialog) startRename(folder);
  };
  return (
    <tr role="row" class="folder" data-id={folder} onKeyDown={onKeyDown}>
      <td role="cell" class="pick">
        <Icon name="folder" />
      </td>
      <td role="cell" class="name">
        {renamed.value === folder ? (
          <NameEditor
            name={name}
            onSave={(typed) => renameFolder(folder, typed)}
            onClose={() => endRename(folder)}
          />
        ) : (
          <FolderLink folder={folder} title={folder}>
            {name}
          </FolderLink>
        )}
      </td>
      <td role="cell" class="running" colSpan={3}>
        {running !== undefined && <FolderProgress operation={running} />}
      </td>
      <td role="cell" class="actions">
        <IconButton icon="edit" label={`Rename ${name}`} onClick={() => startRename(folder)} />
        <IconButton icon="move" label={`Move ${name}`} onClick={() => (isMoving.value = true)} />
        <IconButton icon="remove" label={`Delete ${name}`} onClick={() => void keepingFocus(() => deleteFolder(folder))} />
        {isMoving.value && (
          <MoveDialog
            what={folder}
            onMove={(parent) => moveFolder(folder, `${parent}${name}/`)}
            onClose={() => (isMoving.value = false)}
          />
        )}
      </td>
    </tr>
  );
}
