import type { JSX, TargetedKeyboardEvent } from "preact";
import { fetchContent, remove, restore } from "../actions";
import { now } from "../clock";
import { isDownloadable, type StoredFile } from "../file";
import { keepingFocus } from "../focus";
import { formatAge, formatSize, formatTime } from "../format";
import { startRename } from "../rename";
import { isSelected, toggle } from "../selection";
import { Chip } from "./chip";
import { FileName } from "./file-name";
import { IconButton } from "./icons";

export function FileRow({ file }: { file: StoredFile }): JSX.Element {
  const time = file.deletedAt ?? file.createdAt;
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTableRowElement>) => {
    if (event.key === "F2" && file.deletedAt === null) startRename(file.id);
  };
  return (
    <tr role="row" data-id={file.id} data-selected={isSelected(file.id)} onKeyDown={onKeyDown}>
      <td role="cell" class="pick">
        <label>
          <input
            type="checkbox"
            aria-label={`Select ${file.name}`}
            checked={isSelected(file.id)}
            onClick={(event) => toggle(file.id, event.shiftKey)}
          />
        </label>
      </td>
      <td role="cell" class="name">
        <FileName file={file} />
      </td>
      <td role="cell" class="status">
        <Chip status={file.status} />
      </td>
      <td role="cell" class="size">
        {formatSize(file.size)}
      </td>
      <td role="cell" class="time">
        <time dateTime={time} title={formatTime(time)}>
          {formatAge(time, now.value)}
        </time>
      </td>
      <td role="cell" class="actions">
        {file.deletedAt === null && (
          <IconButton icon="edit" label={`Rename ${file.name}`} onClick={() => startRename(file.id)} />
        )}
        {isDownloadable(file) && (
          <IconButton icon="download" label={`Download ${file.name}`} onClick={() => void fetchContent(file)} />
        )}
        {file.deletedAt === null ? (
          <IconButton icon="remove" label={`Delete ${file.name}`} onClick={() => void keepingFocus(() => remove(file))} />
        ) : (
          <IconButton icon="restore" label={`Restore ${file.name}`} onClick={() => void keepingFocus(() => restore(file))} />
        )}
      </td>
    </tr>
  );
}
