import { signal } from "@preact/signals";
import type { StoredFile } from "./file";

/** The file whose details are shown. */
export const inDetail = signal<StoredFile | null>(null);
