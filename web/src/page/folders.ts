import { keepingFocus } from "./focus";
import { KeysetList } from "./keyset-list";
import { isSearch, query } from "./query";

/** The API returns up to this many folders in one page. */
const PAGE_SIZE = 100;

/** Changes within this time cause one request, because many files may change together. */
const REFRESH_DELAY_MS = 1000;

/** A folder as the API returns it. */
interface Folder {
  folder: string;
}

/** The folders that are directly in the open one. A search and the trash show none. */
export const folders = new KeysetList<Folder>(
  () => (isSearch(query.value) || query.value.deleted ? null : { path: "/folders", parameters: { folder: query.value.folder } }),
  ({ folder }) => folder,
  PAGE_SIZE,
);

let timer: ReturnType<typeof setTimeout> | undefined;

/** Loads the folders again after a short delay. A change of a file does not say which folders it begins or ends. */
export function refresh(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void keepingFocus(() => folders.refresh());
  }, REFRESH_DELAY_MS);
}
