import type { JSX } from "preact";
import { foldersTo, segmentOf } from "../path";
import { isSearch, query } from "../query";
import { FolderLink } from "./folder-link";

/** The way to the open folder, as links. */
export function Breadcrumbs(): JSX.Element {
  const { folder } = query.value;
  return (
    <nav class="breadcrumbs" aria-label="Folder">
      <ol>
        {["", ...foldersTo(folder)].map((each) => (
          <li key={each}>
            {each === folder && !isSearch(query.value) ? (
              <span aria-current="page">{nameOf(each)}</span>
            ) : (
              <FolderLink folder={each}>{nameOf(each)}</FolderLink>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

const nameOf = (folder: string) => segmentOf(folder) || "All files";
