import { signal } from "@preact/signals";
import { call } from "./api";
import { isRestorable, type Status, type StoredFile } from "./file";
import { plural } from "./format";
import { announceToScreenReader } from "./notices";
import { messageOf } from "./problem";

const PAGE_SIZE = 50;

export type Sort = "createdAt" | "name" | "size";
export type Order = "asc" | "desc";

/** The filters and the order of the list. */
export interface Query {
  /** The prefix of the names. */
  name: string;
  status: Status | "";
  contentType: string;
  sort: Sort;
  order: Order;
  /** Whether the trash is listed. */
  deleted: boolean;
}

export const EVERYTHING: Query = { name: "", status: "", contentType: "", sort: "createdAt", order: "desc", deleted: false };

export const query = signal<Query>(EVERYTHING);
export const items = signal<readonly StoredFile[]>([]);
export const hasMore = signal(false);
export const isLoading = signal(true);
export const failure = signal("");

let cursor: string | null = null;
let control = new AbortController();

/** Changes the query, loads the list, and announces the number of files. */
export async function list(changes: Partial<Query>): Promise<void> {
  query.value = { ...query.value, ...changes };
  if (await reload()) announceToScreenReader(`${plural(items.value.length, "file")}${hasMore.value ? " and more" : ""}.`);
}

/** Loads the list again from the first page. */
export function reload(): Promise<boolean> {
  cursor = null;
  return load();
}

/** Loads the next page. */
export async function more(): Promise<void> {
  const before = items.value.length;
  if (await load()) announceToScreenReader(`${plural(items.value.length - before, "more file")}.`);
}

/** Returns whether the query has a filter. */
export function isNarrowed({ name, status, contentType }: Query): boolean {
  return Boolean(name || status || contentType);
}

/**
 * Requests pages until PAGE_SIZE files have arrived, or the list ends, because a page of the server may be short or
 * empty and not the last. Returns whether it succeeded. A later call cancels an earlier one.
 */
async function load(): Promise<boolean> {
  control.abort();
  control = new AbortController();
  const { signal } = control;
  isLoading.value = true;
  failure.value = "";
  try {
    let found = 0;
    do {
      const isFirst = cursor === null;
      const page = await call<{ items: StoredFile[]; nextCursor: string | null }>("GET", `/files?${parameters()}`, { signal });
      signal.throwIfAborted();
      cursor = page.nextCursor;
      hasMore.value = cursor !== null;
      found += page.items.length;
      show(page.items, isFirst);
    } while (cursor !== null && found < PAGE_SIZE);
  } catch (error) {
    if (signal.aborted) return false;
    failure.value = messageOf(error);
  }
  isLoading.value = false;
  return failure.value === "";
}

function show(page: StoredFile[], isFirst: boolean): void {
  const before = isFirst ? [] : items.value;
  // An event may have added a file already.
  const known = new Set(before.map((file) => file.id));
  items.value = [...before, ...page.filter((file) => !known.has(file.id))];
}

function parameters(): URLSearchParams {
  const { deleted, ...asked } = query.value;
  const given = Object.entries({ ...asked, ...(deleted && { deleted: "true" }), ...(cursor && { cursor }) });
  return new URLSearchParams([["limit", String(PAGE_SIZE)], ...given.filter(([, value]) => value !== "")]);
}

/** Updates a file in the list. Moves, adds or removes it, as the query demands. */
export function update(file: StoredFile): void {
  const others = items.value.filter((other) => other.id !== file.id);
  if (!isListed(file, query.value)) {
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

function isListed(file: StoredFile, { name, status, contentType, deleted }: Query): boolean {
  const isInTrash = file.deletedAt !== null && file.purgedAt === null && isRestorable(file);
  const family = contentType.endsWith("/*") ? contentType.slice(0, -1) : null;
  const type = file.contentType.split(";")[0]!.trim().toLowerCase();
  return (
    (deleted ? isInTrash : file.deletedAt === null) &&
    file.name.startsWith(name) &&
    (status === "" || file.status === status) &&
    (contentType === "" || (family === null ? type === contentType : type.startsWith(family)))
  );
}

function compare(one: StoredFile, other: StoredFile): number {
  const { sort, order } = query.value;
  // As the server: equal files are ordered by id.
  const forward = one[sort] < other[sort] || (one[sort] === other[sort] && one.id < other.id) ? -1 : 1;
  return order === "asc" ? forward : -forward;
}
