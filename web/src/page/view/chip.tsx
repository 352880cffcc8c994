import type { JSX } from "preact";
import { type Status, STATUSES } from "../file";

/** Where a file stands: by its words first, and by colour for those who see it. */
export function Chip({ status }: { status: Status }): JSX.Element {
  return (
    <span class="chip" data-status={status}>
      {STATUSES[status]}
    </span>
  );
}
