import { call } from "./api";

export type Status = "PENDING" | "PROCESSING" | "COMPLETED" | "DUPLICATE" | "FAILED" | "EXPIRED";

/** A file as the API returns it. */
export interface StoredFile {
  id: string;
  name: string;
  size: number;
  contentType: string;
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

/** Lets the browser download the bytes from the store. */
export async function download(id: string): Promise<void> {
  const link = document.createElement("a");
  link.href = (await call<{ url: string }>("GET", `/files/${id}/download`)).url;
  // In a new tab, which closes at once. In this tab the browser would warn about running uploads.
  link.target = "_blank";
  link.rel = "noopener";
  link.click();
}
