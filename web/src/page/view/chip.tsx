import type { JSX } from "preact";
import { type Status, STATUSES } from "../file";

/** The status of a file, as text and colour. */
export function Chip({ status }: { status: Status }): JSX.Element {
  return (
    <span class="chip" data-status={status}>
      {STATUSES[status]}
    </span>
  );
}
