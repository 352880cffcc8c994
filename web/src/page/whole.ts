import { call } from "./api";
import { toStore } from "./lanes";
import { isPassing } from "./parts";
import { retrying } from "./retry";
import { send, SendError, type SignedRequest } from "./send";

/**
 * Sends a file by one PUT: the one that came with its announcement, or a fresh one. Safe to repeat.
 *
 * Rejects with the first error that no repeat mends, or with what the signal was aborted with.
 */
export async function sendWhole(
  id: string,
  file: File,
  announced: SignedRequest | null,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const attempt = (failures: number) =>
    toStore.run(signal, async () => {
      const isFresh = announced !== null && failures === 0 && Date.parse(announced.expiresAt) > Date.now();
      const request = isFresh ? announced : await refreshed(id, signal);
      try {
        await send(request, file, onProgress, signal);
      } catch (error) {
        // It is there already: only the answer to an earlier try was lost.
        if (!(error instanceof SendError && error.status === 412)) throw error;
      }
    });
  await retrying(attempt, { isPassing: (error) => isPassing(error) && !isRefused(error), signal });
}

/** Whether the store found other content than was declared. */
export function isRefused(error: unknown): boolean {
  return error instanceof SendError && error.status === 400;
}

async function refreshed(id: string, signal: AbortSignal): Promise<SignedRequest> {
  return (await call<{ upload: SignedRequest }>("POST", `/files/${id}/upload-url`, { signal })).upload;
}
