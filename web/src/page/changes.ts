import { inDetail } from "./detail";
import type { StoredFile } from "./file";
import * as files from "./files";
import * as uploads from "./uploads";
import * as usage from "./usage";

/** Takes a file as it is now to all who show it. */
export function update(file: StoredFile): void {
  files.update(file);
  uploads.update(file);
  if (inDetail.value?.id === file.id) inDetail.value = file;
  usage.refresh();
}

/** Asks anew for all that is shown: changes may have been missed. */
export function refresh(): void {
  void files.listAnew();
  void uploads.catchUp();
  usage.refresh();
}
