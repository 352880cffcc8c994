import { useSignal } from "@preact/signals";
import type { JSX, TargetedSubmitEvent } from "preact";
import { useMemo } from "preact/hooks";
import { update } from "../changes";
import { changesOf, type Draft, draftOf } from "../draft";
import { ChangedMeanwhile, edit } from "../edit";
import type { StoredFile } from "../file";
import { announceToScreenReader } from "../notices";
import { messageOf, Problem } from "../problem";
import { FolderField } from "./folder-field";
import { MetadataTable } from "./metadata-table";

type Errors = Record<string, string>;

/** The fields of a file that users can change. They follow the file until the user changes one. */
export function EditForm({ file }: { file: StoredFile }): JSX.Element {
  const unchanged = useMemo(() => draftOf(file), [file]);
  const draft = useSignal<Draft | null>(null);
  const errors = useSignal<Errors>({});
  const isSaving = useSignal(false);
  const shown = draft.value ?? unchanged;
  const change = (changes: Partial<Draft>) => (draft.value = { ...shown, ...changes });
  const discard = () => {
    draft.value = null;
    errors.value = {};
  };
  const save = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (draft.value === null || isSaving.value) return;
    isSaving.value = true;
    try {
      update(await edit(shown.seen, changesOf(shown)));
      discard();
      announceToScreenReader(`Saved the changes of ${file.name}.`);
    } catch (error) {
      errors.value = errorsOf(error);
      if (error instanceof ChangedMeanwhile) {
        change({ seen: error.file });
        update(error.file);
      }
    }
    isSaving.value = false;
  };
  const errorOf = (field: string) => (errors.value[field] === undefined ? undefined : `error-${field}`);
  const complaint = (field: string) => (
    <p id={`error-${field}`} role="alert" class="alarm">
      {errors.value[field]}
    </p>
  );
  return (
    <form class="edit" aria-label="Change the file" onSubmit={(event) => void save(event)}>
      <label for="edit-type">Type</label>
      <div>
        <input
          id="edit-type"
          value={shown.contentType}
          autocomplete="off"
          spellcheck={false}
          aria-invalid={errorOf("contentType") !== undefined}
          aria-describedby={errorOf("contentType")}
          onInput={(event) => change({ contentType: event.currentTarget.value })}
        />
        {complaint("contentType")}
      </div>
      <label for="edit-folder">Folder</label>
      <div>
        <FolderField id="edit-folder" value={shown.folder} describedBy={errorOf("folder")} onInput={(folder) => change({ folder })} />
        {complaint("folder")}
      </div>
      <p>Metadata</p>
      <div>
        <MetadataTable pairs={shown.pairs} describedBy={errorOf("metadata")} onChange={(pairs) => change({ pairs })} />
        {complaint("metadata")}
      </div>
      {complaint("file")}
      {draft.value !== null && (
        <div class="buttons">
          <button type="button" onClick={discard}>
            Discard changes
          </button>
          <button class="primary">Save changes</button>
        </div>
      )}
    </form>
  );
}

/** Returns the messages by field; `file` stands for the whole file. */
function errorsOf(error: unknown): Errors {
  if (error instanceof ChangedMeanwhile) {
    return { file: `${error.message} Save again to change it all the same, or discard your changes to see it as it is now.` };
  }
  const fields = error instanceof Problem ? (error.members.fields as Errors | undefined) : undefined;
  const found: Errors = {};
  for (const [name, message] of Object.entries(fields ?? {})) {
    const [field = ""] = name.split(".");
    const known = ["contentType", "folder", "metadata"].includes(field) ? field : "file";
    found[known] = [found[known], known === name ? message : `${name}: ${message}`].filter(Boolean).join("; ");
  }
  if (fields !== undefined) return found;
  return { [error instanceof Problem ? "file" : "metadata"]: messageOf(error) };
}
