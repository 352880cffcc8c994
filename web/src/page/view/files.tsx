import type { JSX, TargetedKeyboardEvent } from "preact";
import { hasTrash } from "../file";
import { files } from "../files";
import { folders } from "../folders";
import { list, moreFiles, reload } from "../listing";
import { EVERYTHING, isNarrowed, query } from "../query";
import { clearSelection, selectAll } from "../selection";
import { Breadcrumbs } from "./breadcrumbs";
import { FileTable } from "./file-table";
import { Filters } from "./filters";
import { SelectionBar } from "./selection-bar";

export function Files(): JSX.Element {
  const failure = files.failure.value || folders.failure.value;
  const isEmpty = files.items.value.length === 0 && folders.items.value.length === 0;
  return (
    <section class="card files" aria-labelledby="files" aria-busy={files.isLoading.value} onKeyDown={onKeyDown}>
      <div class="card-head">
        <h2 id="files" tabIndex={-1} class={hasTrash ? "unseen" : ""}>
          {query.value.deleted ? "Trash" : "Files"}
        </h2>
        {hasTrash && <Views />}
        {!query.value.deleted && <Breadcrumbs />}
        <Filters />
      </div>
      {failure !== "" && (
        <p role="alert" class="alarm notice-line">
          {failure} <button onClick={() => void reload()}>Try again</button>
        </p>
      )}
      {!isEmpty && <FileTable />}
      {isEmpty && failure === "" && <Empty />}
      {files.hasMore.value && files.items.value.length > 0 && (
        <p class="more">
          <button type="button" disabled={files.isLoading.value} onClick={() => void moreFiles()}>
            {files.isLoading.value ? "Searching…" : "Show more"}
          </button>
        </p>
      )}
      <SelectionBar />
    </section>
  );
}

/** Handles the keys of the list. A field of text keeps its own. */
function onKeyDown(event: TargetedKeyboardEvent<HTMLElement>): void {
  const target = event.target as HTMLElement;
  if (!target.closest("table, .selection, #files") || target.closest("dialog, input:not([type=checkbox])")) return;
  if (event.key === "Escape") clearSelection();
  if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    selectAll();
  }
}

function Empty(): JSX.Element {
  if (files.isLoading.value || folders.isLoading.value) {
    return <p class="empty faint">{files.hasMore.value ? "Searching…" : "Loading…"}</p>;
  }
  if (isNarrowed(query.value)) {
    const { q, status, contentType } = EVERYTHING;
    return (
      <p class="empty faint">
        No file matches{query.value.folder === "" ? "" : " in this folder and those below it"}.
        <button onClick={() => void list({ q, status, contentType })}>Show all</button>
      </p>
    );
  }
  if (query.value.deleted) return <p class="empty faint">The trash is empty. Deleted files stay here for a limited time.</p>;
  if (query.value.folder === "") {
    return <p class="empty faint">No files yet. Drop some anywhere on this page, or choose them above.</p>;
  }
  return (
    <p class="empty faint">
      This folder is empty. Drop files anywhere on this page to put them here, or choose them above. A folder exists
      while a file is in it.
    </p>
  );
}

function Views(): JSX.Element {
  const view = (label: string, deleted: boolean) => (
    <button
      type="button"
      aria-current={query.value.deleted === deleted ? "page" : undefined}
      onClick={() => void list({ deleted, status: "", folder: "" })}
    >
      {label}
    </button>
  );
  return (
    <nav class="views" aria-label="Which files">
      {view("Files", false)}
      {view("Trash", true)}
    </nav>
  );
}
