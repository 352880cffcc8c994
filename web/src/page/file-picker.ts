import { parentOf } from "./path";

/** A chosen file. */
export interface PickedFile {
  file: File;
  /** The chosen or dropped folder that it is in, such as `photos/2026/`; empty for a file that was chosen itself. */
  path: string;
  /** Gives the file again after a reload, if the browser supports it. */
  handle: FileSystemFileHandle | null;
}

/** Files that operating systems create in folders. They are not uploaded. */
const SYSTEM_FILES = new Set([".DS_Store", "Thumbs.db", "desktop.ini"]);

/** Whether a drag contains files, and not only text or links. */
export const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes("Files") ?? false;

/** Returns the dropped files, including those in dropped folders. */
export async function filesOfDrop(transfer: DataTransfer): Promise<PickedFile[]> {
  // Before the first await, because the browser then clears the transfer.
  const found = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile(), handle: handleOf(item) }));
  const picked: PickedFile[] = [];
  for (const { entry, file, handle } of found) {
    if (entry?.isDirectory) {
      for await (const inside of filesIn(entry as FileSystemDirectoryEntry)) picked.push(inside);
    } else if (file !== null) {
      picked.push({ file, path: "", handle: await handle });
    }
  }
  return picked;
}

/** Returns the files that were chosen in an input. */
export function filesOfInput(input: HTMLInputElement): PickedFile[] {
  const files = [...(input.files ?? [])].filter((file) => !SYSTEM_FILES.has(file.name));
  const picked = files.map((file) => ({ file, path: parentOf(file.webkitRelativePath), handle: null }));
  // Without this, choosing the same file again would be no change event.
  input.value = "";
  return picked;
}

async function handleOf(item: DataTransferItem): Promise<FileSystemFileHandle | null> {
  const source = item as DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };
  const handle = await source.getAsFileSystemHandle?.().catch(() => null);
  return handle?.kind === "file" ? (handle as FileSystemFileHandle) : null;
}

async function* filesIn(folder: FileSystemDirectoryEntry): AsyncGenerator<PickedFile> {
  const reader = folder.createReader();
  for (;;) {
    // A reader returns some entries at a time, and none at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry.isDirectory) yield* filesIn(entry as FileSystemDirectoryEntry);
      else if (!SYSTEM_FILES.has(entry.name)) yield { file: await fileOf(entry as FileSystemFileEntry), path: pathOf(entry), handle: null };
    }
  }
}

// A full path has a slash first.
const pathOf = (entry: FileSystemEntry) => parentOf(entry.fullPath.slice(1));

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
