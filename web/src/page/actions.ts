import { signal } from "@preact/signals";
import { update } from "./changes";
import { config } from "./config";
import { inDetail } from "./detail";
import { deleteFile, download, getFile, isDownloadable, isRestorable, restoreFile, type StoredFile } from "./file";
import { notify, warn } from "./notices";
import { messageOf } from "./problem";

/** The file whose permanent deletion the user must confirm. */
export const pendingDeletion = signal<{ file: StoredFile; decide: (isConfirmed: boolean) => void } | null>(null);

/** Whether deleted files can be restored. */
export const hasTrash = config.purgeDelay > 0;

export async function fetchContent(file: StoredFile): Promise<void> {
  if (isDownloadable(file)) await attempt(() => download(file.id));
}

/** Deletes a file. Asks first if the deletion is permanent. */
export async function remove(file: StoredFile): Promise<void> {
  if (!hasTrash && isRestorable(file) && !(await isConfirmed(file))) return;
  await attempt(async () => {
    const deleted = await deleteFile(file.id);
    update(deleted);
    const canUndo = hasTrash && isRestorable(deleted);
    notify(`Deleted ${file.name}.`, canUndo ? { label: "Undo", run: () => void restore(deleted) } : null);
  });
}

async function isConfirmed(file: StoredFile): Promise<boolean> {
  const answer = await new Promise<boolean>((decide) => {
    pendingDeletion.value = { file, decide };
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
