import { effect } from "@preact/signals";
import { files } from "./files";
import { folders } from "./folders";
import { keepingFocus } from "./focus";
import { plural } from "./format";
import { announceToScreenReader } from "./notices";
import { segmentOf } from "./path";
import { EVERYTHING, folderQuery, query, type Query, readUrl, setQuery } from "./query";
import { clearSelection } from "./selection";

/** Changes the query, loads the list, and announces what it has. */
export async function list(changes: Partial<Query>): Promise<void> {
  const before = query.value;
  setQuery({ ...before, ...changes });
  await show(before);
}

/** Opens a folder. Ends a search. */
export const openFolder = (folder: string) => list(folderQuery(folder));

/** Shows the list that the URL names, after the user has gone back or forward. */
async function followUrl(): Promise<void> {
  const before = query.value;
  if (readUrl()) await show(before);
}

/** Returns to the start, without a list. */
export function reset(): void {
  setQuery(EVERYTHING);
  clear();
}

/** Loads the folders and the files again. Returns whether it succeeded. */
export async function reload(): Promise<boolean> {
  const loaded = await Promise.all([folders.reload(), files.reload()]);
  return loaded.every(Boolean);
}

/** Loads the next files. */
export async function moreFiles(): Promise<void> {
  const count = await files.more();
  if (count !== null) announceToScreenReader(`${plural(count, "more file")}.`);
}

/** Loads the next folders. */
export async function moreFolders(): Promise<void> {
  const count = await folders.more();
  if (count !== null) announceToScreenReader(`${plural(count, "more folder")}.`);
}

async function show(before: Query): Promise<void> {
  // The old rows are no part of another folder.
  if (before.folder !== query.value.folder || before.deleted !== query.value.deleted) clear();
  clearSelection();
  if (!(await reload())) return;
  const counts = [
    ...(folders.items.value.length > 0 ? [plural(folders.items.value.length, "folder")] : []),
    `${plural(files.items.value.length, "file")}${files.hasMore.value ? " and more" : ""}`,
  ];
  announceToScreenReader(`${counts.join(", ")}.`);
}

function clear(): void {
  folders.clear();
  files.clear();
}

addEventListener("popstate", () => void keepingFocus(followUrl));

// So that the steps of the history have names.
effect(() => {
  const { folder, deleted } = query.value;
  document.title = [deleted ? "Trash" : segmentOf(folder), "Waybill"].filter(Boolean).join(" - ");
});
