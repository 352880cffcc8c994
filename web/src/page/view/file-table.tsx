import type { JSX } from "preact";
import { files } from "../files";
import { folders } from "../folders";
import { moreFolders } from "../listing";
import { query } from "../query";
import { clearSelection, selectAll, selected } from "../selection";
import { FileRow } from "./file-row";
import { FolderRow } from "./folder-row";

// The roles repeat those of the elements, because some browsers drop them in the layout for narrow screens.

/** The folders of the open one, and then its files. */
export function FileTable(): JSX.Element {
  return (
    <table role="table" aria-labelledby="files">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" class="pick">
            <SelectAll />
          </th>
          {["Name", "Status", "Size", query.value.deleted ? "Deleted" : "Added"].map((title) => (
            <th role="columnheader" scope="col" key={title} class={title.toLowerCase()}>
              {title}
            </th>
          ))}
          <th role="columnheader" scope="col" class="actions">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      {folders.items.value.length > 0 && (
        <tbody role="rowgroup">
          {folders.items.value.map(({ folder }) => (
            <FolderRow key={folder} folder={folder} />
          ))}
          {folders.hasMore.value && (
            <tr role="row" class="more-row">
              <td role="cell" colSpan={6}>
                <button type="button" disabled={folders.isLoading.value} onClick={() => void moreFolders()}>
                  Show more folders
                </button>
              </td>
            </tr>
          )}
        </tbody>
      )}
      <tbody role="rowgroup">
        {files.items.value.map((file) => (
          <FileRow key={file.id} file={file} />
        ))}
      </tbody>
    </table>
  );
}

function SelectAll(): JSX.Element | null {
  const [count, all] = [selected.value.length, files.items.value.length];
  if (all === 0) return <span class="unseen">Selection</span>;
  return (
    <label>
      <input
        type="checkbox"
        aria-label="Select all files shown"
        checked={count === all}
        indeterminate={count > 0 && count < all}
        onClick={count === all ? clearSelection : selectAll}
      />
    </label>
  );
}
