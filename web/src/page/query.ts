import { signal } from "@preact/signals";
import { STATUSES, type Status, type StoredFile } from "./file";
import { folderOf } from "./path";

const SORTS = ["createdAt", "name", "size"] as const;
const ORDERS = ["desc", "asc"] as const;

export type Sort = (typeof SORTS)[number];
export type Order = (typeof ORDERS)[number];

/** What the list shows, in which order. */
export interface Query {
  /** The open folder. */
  folder: string;
  /** A part of the names. */
  q: string;
  status: Status | "";
  contentType: string;
  sort: Sort;
  order: Order;
  /** Whether the trash is listed. */
  deleted: boolean;
}

export const EVERYTHING: Query = {
  ...{ folder: "", q: "", status: "", contentType: "" },
  ...{ sort: "createdAt", order: "desc", deleted: false },
};

export const query = signal<Query>(queryOf(location.search));

/** Returns whether the query has a filter. */
export const isNarrowed = ({ q, status, contentType }: Query) => Boolean(q || status || contentType);

/** Returns whether the list is a search, which looks into the open folder and all folders below it. */
export const isSearch = (query: Query) => isNarrowed(query) && !query.deleted;

/** Returns the query that a URL's search part holds. A value that is not valid has its default. */
function queryOf(search: string): Query {
  const given = new URLSearchParams(search);
  const text = (name: string) => given.get(name) ?? "";
  return {
    folder: folderOf(text("folder")),
    q: text("q"),
    status: oneOf(text("status"), Object.keys(STATUSES) as Status[], ""),
    contentType: text("contentType"),
    sort: oneOf(text("sort"), SORTS, EVERYTHING.sort),
    order: oneOf(text("order"), ORDERS, EVERYTHING.order),
    deleted: given.has("deleted"),
  };
}

function oneOf<T, D>(value: string, allowed: readonly T[], otherwise: D): T | D {
  return allowed.find((each) => each === value) ?? otherwise;
}

/** Returns the URL of a query. It holds what differs from the defaults. */
export function urlOf(wanted: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(wanted)) {
    if (value !== EVERYTHING[name as keyof Query]) given.set(name, String(value));
  }
  // A slash needs no encoding in a query.
  const search = given.toString().replaceAll("%2F", "/");
  return search ? `/?${search}` : "/";
}

/** Returns the query that lists a folder, in the order of the current list. */
export function folderQuery(folder: string): Query {
  const { sort, order } = query.value;
  return { ...EVERYTHING, folder, sort, order };
}

/** Sets the query, and the URL with it. Another folder, or the trash, is a step of the browser's history. */
export function setQuery(wanted: Query): void {
  const isStep = wanted.folder !== query.value.folder || wanted.deleted !== query.value.deleted;
  query.value = wanted;
  history[isStep ? "pushState" : "replaceState"](null, "", urlOf(wanted));
}

/** Reads the query from the URL again. Returns whether it has changed. */
export function readUrl(): boolean {
  const read = queryOf(location.search);
  if (urlOf(read) === urlOf(query.value)) return false;
  query.value = read;
  return true;
}

/** Returns the parameters with which the API lists the files of the query. */
export function parametersOf(query: Query): Record<string, string> {
  const { q, status, contentType, sort, order } = query;
  const filters = Object.entries({ q, status, contentType }).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(filters), sort, order, ...placeOf(query) };
}

function placeOf(query: Query): Record<string, string> {
  const { folder, deleted } = query;
  if (deleted) return { deleted: "true" };
  if (!isSearch(query)) return { folder };
  // To the API an empty folder is the top without the folders below it.
  return folder === "" ? {} : { folder, recursive: "true" };
}

/** Returns whether a file is in the folder of the query and passes its filters, as the API would decide. */
export function isMatch(file: StoredFile, query: Query): boolean {
  const { folder, deleted, q, status, contentType } = query;
  const family = contentType.endsWith("/*") ? contentType.slice(0, -1) : null;
  const type = file.contentType.split(";")[0]!.trim().toLowerCase();
  return (
    (deleted || (isSearch(query) ? file.folder.startsWith(folder) : file.folder === folder)) &&
    searchForm(file.name).includes(searchForm(q)) &&
    (status === "" || file.status === status) &&
    (contentType === "" || (family === null ? type === contentType : type.startsWith(family)))
  );
}

/** Returns a text without differences of case and of composition, nearly as the API compares names. */
function searchForm(text: string): string {
  return text.normalize("NFD").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");
}
