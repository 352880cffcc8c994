import { signal } from "@preact/signals";
import { call } from "./api";
import { isConfirmed } from "./actions";
import { update } from "./changes";
import { patch } from "./edit";
import { download, hasTrash, isDownloadable, isRestorable, restoreFile, type StoredFile } from "./file";
import { plural } from "./format";
import { Limiter } from "./limiter";
import { type Notice, notify } from "./notices";
import { shownFolder } from "./path";
import { messageOf } from "./problem";
import { clearSelection, selectFailed } from "./selection";

/** How many requests run at the same time. */
const MAX_PARALLEL = 4;

/** How many files the API deletes in one request. */
const MAX_BATCH_FILES = 100;

/** What became of one file, as a batch of the API returns it. */
interface Outcome {
  id: string;
  file?: StoredFile | null;
  error?: { detail: string } | null;
}

/** The act that is running. */
export const running = signal<{ text: string; done: number; total: number } | null>(null);

interface Act {
  /** The verb, as in "Moving 3 files" and "Moved 3 files". */
  doing: string;
  done: string;
  /** Ends the sentence of the outcome. */
  where?: string;
  parallel?: number;
  batchSize?: number;
  work: (batch: readonly StoredFile[]) => Promise<Outcome[]>;
  /** Returns what takes the act back for the files that succeeded. */
  undo?: (changed: readonly StoredFile[]) => Notice["action"];
}

export async function deleteAll(files: readonly StoredFile[]): Promise<void> {
  const isLost = !hasTrash && files.some(isRestorable);
  if (isLost && !(await isConfirmed(plural(files.length, "file")))) return;
  await run(files, {
    doing: "Deleting",
    done: "Deleted",
    batchSize: MAX_BATCH_FILES,
    work: async (batch) => {
      const body = { ids: batch.map((file) => file.id) };
      return (await call<{ results: Outcome[] }>("POST", "/files/batch/delete", { body })).results;
    },
    undo: (deleted) => {
      const restorable = deleted.filter((file) => hasTrash && isRestorable(file));
      return restorable.length === 0 ? null : { label: "Undo", run: () => void restoreAll(restorable) };
    },
  });
}

export async function restoreAll(files: readonly StoredFile[]): Promise<void> {
  const work = each(({ id }) => restoreFile(id));
  await run(files, { doing: "Restoring", done: "Restored", work });
}

export async function moveAll(files: readonly StoredFile[], folder: string): Promise<void> {
  const work = each(({ id }) => patch(id, { folder }));
  await run(files, { doing: "Moving", done: "Moved", where: ` to ${shownFolder(folder)}`, work });
}

/** Downloads files one after the other. The browser asks the user once. */
export async function downloadAll(files: readonly StoredFile[]): Promise<void> {
  const work = each(async (file) => {
    if (!isDownloadable(file)) throw new Error("The file has no content to download.");
    await download(file.id);
    return file;
  });
  await run(files, { doing: "Downloading", done: "Started the download of", parallel: 1, work });
}

function each(work: (file: StoredFile) => Promise<StoredFile>): Act["work"] {
  return async ([file]) => [{ id: file!.id, file: await work(file!) }];
}

/** Runs an act, and says its outcome in one line. The files that failed stay selected, with the reasons. */
async function run(files: readonly StoredFile[], act: Act): Promise<void> {
  const { batchSize = 1, parallel = MAX_PARALLEL } = act;
  const failed = new Map<string, string>();
  const changed: StoredFile[] = [];
  const note = (outcomes: readonly Outcome[]) => {
    for (const { id, file, error } of outcomes) {
      if (file) update(file);
      if (file) changed.push(file);
      else failed.set(id, error?.detail ?? "The server did not say why.");
    }
    const progress = { text: `${act.doing} ${plural(files.length, "file")}`, done: changed.length + failed.size };
    running.value = { ...progress, total: files.length };
  };
  note([]);
  const limiter = new Limiter(parallel);
  const { signal } = new AbortController();
  const batches = Array.from({ length: Math.ceil(files.length / batchSize) }, (_, place) =>
    files.slice(place * batchSize, (place + 1) * batchSize),
  );
  const runs = batches.map((batch) =>
    limiter.run(signal, () => act.work(batch)).catch((error) => {
      return batch.map(({ id }) => ({ id, error: { detail: messageOf(error) } }));
    }),
  );
  await Promise.all(runs.map(async (outcomes) => note(await outcomes)));
  running.value = null;
  const count = failed.size === 0 ? plural(files.length, "file") : `${changed.length} of ${plural(files.length, "file")}`;
  const text = `${act.done} ${count}${act.where ?? ""}.`;
  clearSelection();
  if (failed.size > 0) selectFailed(failed, `${text} ${failed.size} failed.`);
  else notify(text, act.undo?.(changed) ?? null);
}
