import { isRestorable, type StoredFile } from "./file";
import { KeysetList } from "./keyset-list";
import { isMatch, parametersOf, query } from "./query";

/** The files of the query. */
export const files = new KeysetList<StoredFile>(
  () => ({ path: "/files", parameters: parametersOf(query.value) }),
  (file) => file.id,
);

/** Updates a file in the list. Moves, adds or removes it, as the query demands. */
export function update(file: StoredFile): void {
  const { items, hasMore } = files;
  const others = items.value.filter((other) => other.id !== file.id);
  if (!isListed(file)) {
    if (others.length < items.value.length) items.value = others;
    return;
  }
  const place = others.findIndex((other) => compare(file, other) < 0);
  const at = place < 0 ? others.length : place;
  // After the last file it would come before files that are not loaded yet.
  const isKnown = others.length < items.value.length;
  if (at === others.length && hasMore.value && !isKnown) return;
  items.value = others.toSpliced(at, 0, file);
}

function isListed(file: StoredFile): boolean {
  const isInTrash = file.deletedAt !== null && file.purgedAt === null && isRestorable(file);
  return (query.value.deleted ? isInTrash : file.deletedAt === null) && isMatch(file, query.value);
}

function compare(one: StoredFile, other: StoredFile): number {
  const { sort, order } = query.value;
  // As the server: equal files are ordered by id.
  const forward = one[sort] < other[sort] || (one[sort] === other[sort] && one.id < other.id) ? -1 : 1;
  return order === "asc" ? forward : -forward;
}
