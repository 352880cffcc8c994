import { computed, signal } from "@preact/signals";
import { files } from "./files";
import { announceToScreenReader } from "./notices";

const ids = signal<ReadonlySet<string>>(new Set());

/** Why the last act on a selected file failed, by the file's id. */
export const reasons = signal<ReadonlyMap<string, string>>(new Map());

/** The outcome of the last act, if it failed for some files. */
export const outcome = signal("");

/** The selected files of the list, in its order. */
export const selected = computed(() => files.items.value.filter((file) => ids.value.has(file.id)));

export const isSelected = (id: string) => ids.value.has(id);

/** The most recently selected file. A range begins at it. */
let anchor = "";

/** Selects or unselects a file; with `isRange` all files from the last one to this. */
export function toggle(id: string, isRange: boolean): void {
  const listed = files.items.value.map((file) => file.id);
  const ends = [listed.indexOf(isRange ? anchor : id), listed.indexOf(id)].sort((one, other) => one - other);
  const range = ends[0]! < 0 ? [id] : listed.slice(ends[0]!, ends[1]! + 1);
  const others = [...ids.value].filter((other) => !range.includes(other));
  select(isSelected(id) ? others : [...others, ...range]);
  anchor = id;
  announceCount();
}

export function selectAll(): void {
  select(files.items.value.map((file) => file.id));
  announceCount();
}

export function clearSelection(): void {
  select([]);
}

/** Selects the files of an act that failed, and shows its outcome and the reasons. */
export function selectFailed(failed: ReadonlyMap<string, string>, text: string): void {
  select([...failed.keys()]);
  reasons.value = failed;
  outcome.value = text;
  announceToScreenReader(text);
}

function select(chosen: readonly string[]): void {
  ids.value = new Set(chosen);
  reasons.value = new Map();
  outcome.value = "";
}

function announceCount(): void {
  announceToScreenReader(`${selected.value.length.toLocaleString("en")} selected.`);
}
