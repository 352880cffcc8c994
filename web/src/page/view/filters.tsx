import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";
import { STATUSES, type Status } from "../file";
import { list } from "../listing";
import { segmentOf } from "../path";
import { type Order, query, type Sort } from "../query";
import { Icon } from "./icons";

const TYPES: [string, string][] = [
  ["", "All types"],
  ["image/*", "Images"],
  ["video/*", "Videos"],
  ["audio/*", "Audio"],
  ["text/*", "Text"],
  ["application/pdf", "PDF"],
  ["application/*", "Data"],
];

const SORTS: [string, string][] = [
  ["createdAt desc", "Newest first"],
  ["createdAt asc", "Oldest first"],
  ["name asc", "Name A to Z"],
  ["name desc", "Name Z to A"],
  ["size desc", "Largest first"],
  ["size asc", "Smallest first"],
];

/** The search starts after this time without another key. */
const SEARCH_DELAY_MS = 250;

/** The text of the search field. */
const typed = signal("");
let typing: ReturnType<typeof setTimeout> | undefined;

function search(q: string): void {
  typed.value = q;
  clearTimeout(typing);
  typing = setTimeout(() => {
    typing = undefined;
    void list({ q });
  }, SEARCH_DELAY_MS);
}

effect(() => {
  const { q } = query.value;
  if (typing === undefined) typed.value = q;
});

export function Filters(): JSX.Element {
  const { folder, status, contentType, sort, order } = query.value;
  const statuses = Object.entries(STATUSES);
  return (
    <form class="filters" role="search" aria-label="Files" onSubmit={(event) => event.preventDefault()}>
      <label class="search">
        <Icon name="search" />
        <span class="unseen">Names that contain</span>
        <input
          type="search"
          placeholder={folder === "" ? "Search" : `Search in ${segmentOf(folder)}`}
          value={typed.value}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => search(event.currentTarget.value)}
        />
      </label>
      <Select
        label="Status"
        value={status}
        options={[["", "All statuses"], ...statuses]}
        onChange={(value) => void list({ status: value as Status | "" })}
      />
      <Select label="Type" value={contentType} options={TYPES} onChange={(value) => void list({ contentType: value })} />
      <Select
        label="Order"
        value={`${sort} ${order}`}
        options={SORTS}
        onChange={(value) => {
          const [by, way] = value.split(" ");
          void list({ sort: by as Sort, order: way as Order });
        }}
      />
    </form>
  );
}

function Select(props: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <select aria-label={props.label} value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
      {props.options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
