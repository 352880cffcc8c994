import { call } from "./api";

export type Status = "PENDING" | "PROCESSING" | "COMPLETED" | "DUPLICATE" | "FAILED" | "EXPIRED";

/** A file as the API tells it. */
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
  SIZE_MISMATCH: "What arrived has another size than was announced. Upload it again.",
  CHECKSUM_MISMATCH: "What arrived has another SHA-256 than was declared. Upload it again.",
  OBJECT_MISSING: "It was gone from the store before it could be verified. Upload it again.",
  OBJECT_CHANGED: "It was replaced while it was being verified. Upload it again.",
  UNSIGNED_HEADERS: "It was sent with headers that were not asked for. Upload it again without them.",
  UNREADABLE: "The store could not give it back. Upload it again.",
};

/** Why a FAILED file failed, and what to do. */
export function failureOf(file: StoredFile): string {
  return REASONS[file.failureReason ?? ""] ?? "It could not be verified. Upload it again.";
}

/** Whether nothing more happens to the file by itself. */
export function isFinal(file: StoredFile): boolean {
  return file.status !== "PENDING" && file.status !== "PROCESSING";
}

/** Whether a deleted file of this kind can come back: the others have nothing that could. */
export function isRestorable(file: StoredFile): boolean {
  return isStored(file) || !isFinal(file);
}

/** Whether the file can be downloaded. */
export function isDownloadable(file: StoredFile): boolean {
  return isStored(file) && file.deletedAt === null;
}

function isStored(file: StoredFile): boolean {
  return file.status === "COMPLETED" || file.status === "DUPLICATE";
}

export const getFile = (id: string) => call<StoredFile>("GET", `/files/${id}`);
export const deleteFile = (id: string) => call<StoredFile>("DELETE", `/files/${id}`);
export const restoreFile = (id: string) => call<StoredFile>("POST", `/files/${id}/restore`);

/** Has the browser download the bytes, straight from the store. */
export async function download(id: string): Promise<void> {
  const link = document.createElement("a");
  link.href = (await call<{ url: string }>("GET", `/files/${id}/download`)).url;
  // Its own tab, which closes at once: here it would ask whether running uploads are to be left.
  link.target = "_blank";
  link.rel = "noopener";
  link.click();
}
