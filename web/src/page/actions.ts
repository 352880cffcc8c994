import { signal } from "@preact/signals";
import { update } from "./changes";
import { inDetail } from "./detail";
import { deleteFile, download, getFile, hasTrash, isDownloadable, isRestorable, restoreFile, type StoredFile } from "./file";
import { notify, warn } from "./notices";
import { messageOf } from "./problem";

/** What the user must confirm to delete. */
export const pendingDeletion = signal<{ what: string; decide: (isConfirmed: boolean) => void } | null>(null);

export async function fetchContent(file: StoredFile): Promise<void> {
  if (isDownloadable(file)) await attempt(() => download(file.id));
}

/** Deletes a file. Asks first if the deletion is permanent. */
export async function remove(file: StoredFile): Promise<void> {
  if (!hasTrash && isRestorable(file) && !(await isConfirmed(file.name))) return;
  await attempt(async () => {
    const deleted = await deleteFile(file.id);
    update(deleted);
    const canUndo = hasTrash && isRestorable(deleted);
    notify(`Deleted ${file.name}.`, canUndo ? { label: "Undo", run: () => void restore(deleted) } : null);
  });
}

/** Asks the user to confirm a deletion. */
export async function isConfirmed(what: string): Promise<boolean> {
  const answer = await new Promise<boolean>((decide) => {
    pendingDeletion.value = { what, decide };
  });
  pendingDeletion.value = null;
  return answer;
}

export async function restore(file: StoredFile): Promise<void> {
  await attempt(async () => {
    update(await restoreFile(file.id));
    notify(`Restored ${file.name}.`);
  });
}

export async function showOriginal(file: StoredFile): Promise<void> {
  await attempt(async () => {
    inDetail.value = await getFile(file.duplicateOf!);
  });
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    warn(messageOf(error));
  }
}
