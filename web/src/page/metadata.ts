/** A pair in an editor. Its key may be empty, or the key of another pair, until the user corrects it. */
export interface Pair {
  /** The key of a row of an editor. */
  row: number;
  key: string;
  value: string;
}

type Metadata = Record<string, string>;

let last = 0;

export const newPair = (key = "", value = ""): Pair => ({ row: ++last, key, value });

/** Returns the metadata of an editor. Rows without key and value do not count. Throws an Error if two rows have the same key. */
export function metadataOf(pairs: readonly Pair[]): Metadata {
  const given = pairs.filter(({ key, value }) => key !== "" || value !== "");
  const twice = given.find(({ key }, place) => given.findIndex((other) => other.key === key) < place);
  if (twice) throw new Error(`The key ${twice.key || "that is empty"} is there twice.`);
  return Object.fromEntries(given.map(({ key, value }) => [key, value]));
}

/** Returns the merge patch that makes one metadata of another: null removes a pair. */
export function metadataChanges(before: Metadata, after: Metadata): Record<string, string | null> {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const set = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return Object.fromEntries([...removed.map((key) => [key, null]), ...set]);
}

export const sameMetadata = (one: Metadata, other: Metadata) => Object.keys(metadataChanges(one, other)).length === 0;
