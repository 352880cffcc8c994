import { call, request } from "./api";
import { sameMetadata } from "./metadata";
import type { StoredFile } from "./file";
import { shownFolder } from "./path";
import { Problem } from "./problem";

/** What a user changes of a file. A pair of metadata that is null is removed. */
export interface Changes {
  name?: string;
  contentType?: string;
  folder?: string;
  metadata?: Record<string, string | null>;
}

/** Another client has changed the file since the user saw it. */
export class ChangedMeanwhile extends Error {
  constructor(
    readonly file: StoredFile,
    seen: StoredFile,
  ) {
    super(`Changed meanwhile: ${differences(seen, file).join("; ")}.`);
  }
}

/** Changes a file, also if others have changed it. */
export const patch = (id: string, changes: Changes) => call<StoredFile>("PATCH", `/files/${id}`, { body: changes });

/**
 * Changes a file only if it is still as the user has seen it. A change of its status alone is no obstacle.
 *
 * Throws ChangedMeanwhile, or a Problem.
 */
export async function edit(seen: StoredFile, changes: Changes): Promise<StoredFile> {
  const path = `/files/${seen.id}`;
  for (;;) {
    const response = await request("GET", path);
    const file = (await response.json()) as StoredFile;
    if (differences(seen, file).length > 0) throw new ChangedMeanwhile(file, seen);
    try {
      const headers = { "If-Match": response.headers.get("ETag")! };
      return await call<StoredFile>("PATCH", path, { body: changes, headers });
    } catch (error) {
      // The file has changed since the GET. Read it again.
      if (!(error instanceof Problem) || error.code !== "precondition_failed") throw error;
    }
  }
}

/** Returns in words what has changed of what users can change. */
function differences(before: StoredFile, now: StoredFile): string[] {
  if (now.deletedAt !== null && before.deletedAt === null) return ["the file was deleted"];
  return [
    ...(before.name === now.name ? [] : [`the name is now ${now.name}`]),
    ...(before.folder === now.folder ? [] : [`the folder is now ${shownFolder(now.folder)}`]),
    ...(before.contentType === now.contentType ? [] : [`the type is now ${now.contentType}`]),
    ...(sameMetadata(before.metadata, now.metadata) ? [] : ["the metadata is different now"]),
  ];
}
