import type { JSX } from "preact";
import { formatPercent, plural } from "../format";
import type { Running } from "../operations";

/** How far the operation on a folder is. */
export function FolderProgress({ operation }: { operation: Running }): JSX.Element {
  const { text, done, total } = operation;
  const label = total === null ? `${text}: counting files` : `${text}: ${done.toLocaleString("en")} of ${plural(total, "file")}`;
  return (
    <>
      <progress max={total || 1} value={total === null ? undefined : done} aria-label={text}>
        {formatPercent(done, total ?? done)}
      </progress>
      <span>{label}</span>
    </>
  );
}
