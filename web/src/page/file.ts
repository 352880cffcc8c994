import { call } from "./api";
import { config } from "./config";

/** Whether deleted files can be restored. */
export const hasTrash = config.purgeDelay > 0;

/** How long the store may take to begin a download. */
const DOWNLOAD_START_MS = 60_000;

export type Status = "PENDING" | "PROCESSING" | "COMPLETED" | "DUPLICATE" | "FAILED" | "EXPIRED";

/** A file as the API returns it. */
export interface StoredFile {
  id: string;
  name: string;
  size: number;
  contentType: string;
  /** Empty at the top, otherwise a path with a slash at its end. */
  folder: string;
  metadata: Record<string, string>;
  status: Status;
  sha256: string | null;
  duplicateOf: string | null;
  failureReason: string | null;
  createdAt: string;
  completedAt: string | null;
  deletedAt: string | null;
  purgedAt: string | null;
}

export const STATUSES: Record<Status, string> = {
  PENDING: "Pending",
  PROCESSING: "Processing",
  COMPLETED: "Completed",
  DUPLICATE: "Duplicate",
  FAILED: "Failed",
  EXPIRED: "Expired",
};

const REASONS: Record<string, string> = {
  SIZE_MISMATCH: "The stored size is not the requested size. Upload the file again.",
  CHECKSUM_MISMATCH: "The stored SHA-256 is not the declared one. Upload the file again.",
  OBJECT_MISSING: "The object disappeared from the store before it was verified. Upload the file again.",
  OBJECT_CHANGED: "The object was replaced during verification. Upload the file again.",
  UNSIGNED_HEADERS: "The upload had headers that were not signed. Upload the file again without them.",
  UNREADABLE: "The store could not return the object. Upload the file again.",
};

/** Returns why a FAILED file failed, and what to do. */
export function failureOf(file: StoredFile): string {
  return REASONS[file.failureReason ?? ""] ?? "The file could not be verified. Upload it again.";
}

/** Returns whether the status no longer changes by itself. */
export function isFinal(file: StoredFile): boolean {
  return file.status !== "PENDING" && file.status !== "PROCESSING";
}

/** Returns whether a deleted file with this status can be restored. Other files have no content. */
export function isRestorable(file: StoredFile): boolean {
  return isStored(file) || !isFinal(file);
}

/** Returns whether the file can be downloaded. */
export function isDownloadable(file: StoredFile): boolean {
  return isStored(file) && file.deletedAt === null;
}

function isStored(file: StoredFile): boolean {
  return file.status === "COMPLETED" || file.status === "DUPLICATE";
}

export const getFile = (id: string) => call<StoredFile>("GET", `/files/${id}`);
export const deleteFile = (id: string) => call<StoredFile>("DELETE", `/files/${id}`);
export const restoreFile = (id: string) => call<StoredFile>("POST", `/files/${id}/restore`);

/**
 * Lets the browser download the bytes from the store.
 *
 * In a frame, because a link in this tab would ask about running uploads and stop the download before it, and
 * browsers block a second new tab.
 */
export async function download(id: string): Promise<void> {
  const { url } = await call<{ url: string }>("GET", `/files/${id}/download`);
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.setAttribute("sandbox", "allow-downloads");
  frame.src = url;
  document.body.append(frame);
  setTimeout(() => frame.remove(), DOWNLOAD_START_MS);
}
