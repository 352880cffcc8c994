/** A file that a person chose, and what finds it again after a reload where the browser has that. */
export interface Picked {
  file: File;
  handle: FileSystemFileHandle | null;
}

/** Files that systems put into folders and nobody means to send. */
const LITTER = new Set([".DS_Store", "Thumbs.db", "desktop.ini"]);

/** Whether a drag brings files rather than text or links. */
export const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes("Files") ?? false;

/** What was dropped, with all that is in dropped folders. */
export async function dropped(transfer: DataTransfer): Promise<Picked[]> {
  // All at once, for after the first wait the browser has emptied it.
  const found = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile(), handle: handleOf(item) }));
  const picked: Picked[] = [];
  for (const { entry, file, handle } of found) {
    if (entry?.isDirectory) {
      for await (const inside of filesIn(entry as FileSystemDirectoryEntry)) picked.push({ file: inside, handle: null });
    } else if (file !== null) {
      picked.push({ file, handle: await handle });
    }
  }
  return picked;
}

/** What was chosen in an input, of files or of a folder. */
export function chosen(input: HTMLInputElement): Picked[] {
  const picked = [...(input.files ?? [])].filter((file) => !LITTER.has(file.name)).map((file) => ({ file, handle: null }));
  // Else choosing the same again would be no change.
  input.value = "";
  return picked;
}

async function handleOf(item: DataTransferItem): Promise<FileSystemFileHandle | null> {
  const asked = item as DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };
  const handle = await asked.getAsFileSystemHandle?.().catch(() => null);
  return handle?.kind === "file" ? (handle as FileSystemFileHandle) : null;
}

async function* filesIn(folder: FileSystemDirectoryEntry): AsyncGenerator<File> {
  const reader = folder.createReader();
  for (;;) {
    // A reader hands out some at a time, and none at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry.isDirectory) yield* filesIn(entry as FileSystemDirectoryEntry);
      else if (!LITTER.has(entry.name)) yield await fileOf(entry as FileSystemFileEntry);
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
