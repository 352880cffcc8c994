import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { update } from "../changes";
import { inDetail } from "../detail";
import { ChangedMeanwhile, edit } from "../edit";
import type { StoredFile } from "../file";
import { announceToScreenReader } from "../notices";
import { shownFolder } from "../path";
import { isSearch, query } from "../query";
import { endRename, renamed } from "../rename";
import { reasons } from "../selection";
import { FolderLink } from "./folder-link";
import { NameEditor } from "./name-editor";

/** The name of a file in the list, which opens its details, or a field for a new name. */
export function FileName({ file }: { file: StoredFile }): JSX.Element {
  if (renamed.value === file.id) return <FileNameEditor file={file} />;
  const reason = reasons.value.get(file.id);
  return (
    <>
      <button type="button" class="link" title={file.name} onClick={() => (inDetail.value = file)}>
        {file.name}
      </button>
      {/* The other lists show one folder, whose name is above them. */}
      {(isSearch(query.value) || query.value.deleted) && (
        <FolderLink class="where" folder={file.folder} title={`Open ${shownFolder(file.folder)}`}>
          {shownFolder(file.folder)}
        </FolderLink>
      )}
      {reason !== undefined && <p class="alarm reason">{reason}</p>}
    </>
  );
}

function FileNameEditor({ file }: { file: StoredFile }): JSX.Element {
  const seen = useRef(file);
  const save = async (name: string) => {
    if (name === seen.current.name) return;
    try {
      update(await edit(seen.current, { name }));
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error;
      seen.current = error.file;
      update(error.file);
      throw new Error(`${error.message} Save again to rename it all the same.`, { cause: error });
    }
    announceToScreenReader(`Renamed to ${name}.`);
  };
  return <NameEditor name={file.name} onSave={save} onClose={() => endRename(file.id)} />;
}
