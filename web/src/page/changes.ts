import { inDetail } from "./detail";
import type { StoredFile } from "./file";
import * as files from "./files";
import { keepingFocus } from "./focus";
import * as folders from "./folders";
import { reload } from "./listing";
import * as uploads from "./uploads";
import * as usage from "./usage";

/** Updates a file everywhere on the page. */
export function update(file: StoredFile): void {
  files.update(file);
  folders.refresh();
  uploads.update(file);
  if (inDetail.value?.id === file.id) inDetail.value = file;
  usage.refresh();
}

/** Reloads everything that the page shows, because changes may be missing. */
export function refresh(): void {
  void keepingFocus(reload);
  void uploads.refreshVerifying();
  usage.refresh();
}
