import type { JSX } from "preact";
import { hasTrash } from "../actions";
import { failure, hasMore, isLoading, isNarrowed, items, list, reload, more, query } from "../files";
import { FileRow } from "./file-row";
import { Filters } from "./filters";

export function Files(): JSX.Element {
  return (
    <section class="card files" aria-labelledby="files" aria-busy={isLoading.value}>
      <div class="card-head">
        <h2 id="files" tabIndex={-1} class={hasTrash ? "unseen" : ""}>
          {query.value.deleted ? "Trash" : "Files"}
        </h2>
        {hasTrash && <Views />}
        <Filters />
      </div>
      {failure.value !== "" && (
        <p role="alert" class="alarm notice-line">
          {failure.value} <button onClick={() => void reload()}>Try again</button>
        </p>
      )}
      {items.value.length > 0 ? <Table /> : failure.value === "" && <Empty />}
      {hasMore.value && items.value.length > 0 && (
        <p class="more">
          <button type="button" disabled={isLoading.value} onClick={() => void more()}>
            {isLoading.value ? "Searching…" : "Show more"}
          </button>
        </p>
      )}
    </section>
  );
}

// The roles repeat those of the elements, because some browsers drop them in the layout for narrow screens.
function Table(): JSX.Element {
  return (
    <table role="table" aria-labelledby="files">
      <thead role="rowgroup">
        <tr role="row">
          {["Name", "Status", "Size", query.value.deleted ? "Deleted" : "Added"].map((title) => (
            <th role="columnheader" scope="col" key={title}>
              {title}
            </th>
          ))}
          <th role="columnheader" scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items.value.map((file) => (
          <FileRow key={file.id} file={file} />
        ))}
      </tbody>
    </table>
  );
}

function Empty(): JSX.Element {
  if (isLoading.value) return <p class="empty faint">{hasMore.value ? "Searching…" : "Loading…"}</p>;
  if (isNarrowed(query.value)) {
    return (
      <p class="empty faint">
        No file matches. The search compares the beginning of names.
        <button onClick={() => void list({ name: "", status: "", contentType: "" })}>Show all</button>
      </p>
    );
  }
  if (query.value.deleted) return <p class="empty faint">The trash is empty. Deleted files stay here for a limited time.</p>;
  return <p class="empty faint">No files yet. Drop some anywhere on this page, or choose them above.</p>;
}

function Views(): JSX.Element {
  const view = (label: string, deleted: boolean) => (
    <button
      type="button"
      aria-current={query.value.deleted === deleted ? "page" : undefined}
      onClick={() => void list({ deleted, status: "" })}
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
