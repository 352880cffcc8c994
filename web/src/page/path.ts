/** Returns the folders on the way to a folder, from the outermost: `a/b/` gives `a/` and `a/b/`. */
export function foldersTo(folder: string): string[] {
  const segments = folder.split("/").slice(0, -1);
  return segments.map((_, place) => `${segments.slice(0, place + 1).join("/")}/`);
}

/** Returns the last segment of a folder: `a/b/` gives `b`. */
export const segmentOf = (folder: string) => folder.split("/").at(-2) ?? "";

/** Returns the folder that a path is in: `a/b` and `a/b/` give `a/`. */
export const parentOf = (path: string) => path.slice(0, path.replace(/\/$/, "").lastIndexOf("/") + 1);

/** Returns the folder that a user means: `/photos/2026` is `photos/2026/`. */
export function folderOf(typed: string): string {
  const path = typed.trim().replace(/^\/+|\/+$/g, "");
  return path && `${path}/`;
}

/** Returns the text that shows a folder. */
export const shownFolder = (folder: string) => folder || "All files";
