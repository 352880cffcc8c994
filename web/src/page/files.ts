import { signal } from "@preact/signals";
import { call } from "./api";
import { isRestorable, type Status, type StoredFile } from "./file";
import { plural } from "./format";
import { say } from "./notices";
import { tell } from "./problem";

const PAGE = 50;

export type Sort = "createdAt" | "name" | "size";
export type Order = "asc" | "desc";

/** Which files are listed, and how. */
export interface Query {
  /** What names begin with. */
  name: string;
  status: Status | "";
  contentType: string;
  sort: Sort;
  order: Order;
  /** The trash instead of the files. */
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

/** Lists other files, and says how many there are. */
export async function list(changes: Partial<Query>): Promise<void> {
  query.value = { ...query.value, ...changes };
  if (await listAnew()) say(`${plural(items.value.length, "file")}${hasMore.value ? " and more" : ""}.`);
}

/** Lists the same files as they are now. */
export function listAnew(): Promise<boolean> {
  cursor = null;
  return load();
}

/** Lists the page after. */
export async function more(): Promise<void> {
  const before = items.value.length;
  if (await load()) say(`${plural(items.value.length - before, "more file")}.`);
}

/** Whether not all files are asked for. */
export function isNarrowed({ name, status, contentType }: Query): boolean {
  return Boolean(name || status || contentType);
}

/**
 * Requests pages from the cursor on until a page full of files has come, or the end: a page of the server may be
 * short, or empty, and not the last. Returns whether all are shown. Of two calls the later one counts.
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
    } while (cursor !== null && found < PAGE);
  } catch (error) {
    if (signal.aborted) return false;
    failure.value = tell(error);
  }
  isLoading.value = false;
  return failure.value === "";
}

function show(page: StoredFile[], isFirst: boolean): void {
  const before = isFirst ? [] : items.value;
  // What arrived meanwhile may stand here already.
  const known = new Set(before.map((file) => file.id));
  items.value = [...before, ...page.filter((file) => !known.has(file.id))];
}

function parameters(): URLSearchParams {
  const { deleted, ...asked } = query.value;
  const given = Object.entries({ ...asked, ...(deleted && { deleted: "true" }), ...(cursor && { cursor }) });
  return new URLSearchParams([["limit", String(PAGE)], ...given.filter(([, value]) => value !== "")]);
}

/** Shows a file as it is now: in its place, or not at all where it is no longer one of those that are listed. */
export function update(file: StoredFile): void {
  const others = items.value.filter((other) => other.id !== file.id);
  if (!isListed(file, query.value)) {
    if (others.length < items.value.length) items.value = others;
    return;
  }
  const place = others.findIndex((other) => compare(file, other) < 0);
  const at = place < 0 ? others.length : place;
  // Behind the last one it would stand before files that were not asked for yet.
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
  // As the server does: what is equal stands by its id.
  const forward = one[sort] < other[sort] || (one[sort] === other[sort] && one.id < other.id) ? -1 : 1;
  return order === "asc" ? forward : -forward;
}
