import { type Changes } from "./edit";
import type { StoredFile } from "./file";
import { metadataChanges, metadataOf, newPair, type Pair } from "./metadata";
import { folderOf } from "./path";

/** What a user is about to change of a file, as it is in the fields. */
export interface Draft {
  /** The file that the user has seen when the changes began. */
  seen: StoredFile;
  contentType: string;
  folder: string;
  pairs: readonly Pair[];
}

export function draftOf(file: StoredFile): Draft {
  const pairs = Object.entries(file.metadata).map(([key, value]) => newPair(key, value));
  return { seen: file, contentType: file.contentType, folder: file.folder, pairs };
}

/** Returns what a draft changes. Throws an Error if its metadata has a key twice. */
export function changesOf({ seen, contentType, folder, pairs }: Draft): Changes {
  const metadata = metadataChanges(seen.metadata, metadataOf(pairs));
  return {
    ...(contentType.trim() !== seen.contentType && { contentType: contentType.trim() }),
    ...(folderOf(folder) !== seen.folder && { folder: folderOf(folder) }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}
