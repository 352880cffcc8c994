import { expect, test } from "vitest";
import { filesOfDrop, filesOfInput } from "../src/page/file-picker";

const fileOf = (name: string) => ({ name, webkitRelativePath: "" }) as File;

function entryOf(fullPath: string): FileSystemEntry {
  const name = fullPath.slice(fullPath.lastIndexOf("/") + 1);
  const file = (found: (file: File) => void) => found(fileOf(name));
  return { name, fullPath, isDirectory: false, isFile: true, file } as unknown as FileSystemEntry;
}

/** A folder whose reader returns one batch after the other, as browsers do with many entries. */
function folderOf(fullPath: string, ...batches: FileSystemEntry[][]): FileSystemEntry {
  const createReader = () => {
    const left = [...batches, []];
    return { readEntries: (found: (entries: FileSystemEntry[]) => void) => found(left.shift()!) };
  };
  return { name: fullPath, fullPath, isDirectory: true, isFile: false, createReader } as unknown as FileSystemEntry;
}

function drop(...entries: FileSystemEntry[]): DataTransfer {
  const items = entries.map((entry) => ({
    kind: "file",
    webkitGetAsEntry: () => entry,
    getAsFile: () => fileOf(entry.name),
  }));
  return { items: [...items, { kind: "string" }] } as unknown as DataTransfer;
}

const names = (picked: { file: File }[]) => picked.map(({ file }) => file.name);

test("a dropped folder gives the files of all batches and of its folders", async () => {
  const inner = folderOf("/photos/2026", [entryOf("/photos/2026/c.jpg")]);
  const folder = folderOf("/photos", [entryOf("/photos/a.jpg"), inner], [entryOf("/photos/b.jpg")]);
  expect(names(await filesOfDrop(drop(folder, entryOf("/d.txt"))))).toEqual(["a.jpg", "c.jpg", "b.jpg", "d.txt"]);
});

test("an empty folder gives nothing", async () => {
  expect(await filesOfDrop(drop(folderOf("/empty")))).toEqual([]);
});

test("files of the system are left out of folders", async () => {
  const folder = folderOf("/photos", [entryOf("/photos/.DS_Store"), entryOf("/photos/a.jpg")]);
  expect(names(await filesOfDrop(drop(folder)))).toEqual(["a.jpg"]);
  const input = { files: [fileOf("Thumbs.db"), fileOf("a.jpg")], value: "a.jpg" } as unknown as HTMLInputElement;
  expect(names(filesOfInput(input))).toEqual(["a.jpg"]);
  expect(input.value).toBe("");
});
