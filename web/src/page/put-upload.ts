import { call } from "./api";
import { storeLimiter } from "./limiter";
import { isTemporary } from "./parts";
import { retrying } from "./retry";
import { send, SendError, type SignedRequest } from "./send";

/**
 * Sends a file by one PUT, with the granted request or a new one. Safe to repeat.
 *
 * Rejects with the first permanent error, or with the signal's reason.
 */
export async function sendByPut(
  id: string,
  file: File,
  granted: SignedRequest | null,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const attempt = (failures: number) =>
    storeLimiter.run(signal, async () => {
      const isFresh = granted !== null && failures === 0 && Date.parse(granted.expiresAt) > Date.now();
      const request = isFresh ? granted : await refreshed(id, signal);
      try {
        await send(request, file, onProgress, signal);
      } catch (error) {
        // An earlier try stored the object, but its response was lost.
        if (!(error instanceof SendError && error.status === 412)) throw error;
      }
    });
  await retrying(attempt, { isTemporary: (error) => isTemporary(error) && !isRefused(error), signal });
}

/** Returns whether the store refused the content because its SHA-256 is not the declared one. */
export function isRefused(error: unknown): boolean {
  return error instanceof SendError && error.isWrongContent;
}

async function refreshed(id: string, signal: AbortSignal): Promise<SignedRequest> {
  return (await call<{ upload: SignedRequest }>("POST", `/files/${id}/upload-url`, { signal })).upload;
}
