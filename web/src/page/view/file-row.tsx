import type { JSX } from "preact";
import { fetchContent, remove, restore } from "../actions";
import { now } from "../clock";
import { inDetail } from "../detail";
import { isDownloadable, type StoredFile } from "../file";
import { keepingFocus } from "../focus";
import { formatAge, formatSize, formatTime } from "../format";
import { Chip } from "./chip";
import { IconButton } from "./icons";

export function FileRow({ file }: { file: StoredFile }): JSX.Element {
  const time = file.deletedAt ?? file.createdAt;
  return (
    <tr role="row">
      <td role="cell" class="name">
        <button type="button" class="link" title={file.name} onClick={() => (inDetail.value = file)}>
          {file.name}
        </button>
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
