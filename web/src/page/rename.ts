import { signal } from "@preact/signals";
import { focusRow } from "./focus";

/** The id of the file whose name the user edits in the list; otherwise empty. */
export const renamed = signal("");

export function startRename(id: string): void {
  renamed.value = id;
}

export function endRename(id: string): void {
  renamed.value = "";
  focusRow(id);
}
