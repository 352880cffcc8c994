import { meansUploadGone, meansWrongContent, parseStoreError, type StoreError } from "./store-codes";

/** A presigned request to the store. */
export interface SignedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  expiresAt: string;
}

/** A request that the store refused. The status is 0 if the page can read no response. */
export class SendError extends Error {
  constructor(
    readonly status: number,
    private readonly answer: StoreError = parseStoreError(""),
  ) {
    super(
      status === 0
        ? "The store cannot be reached, or its CORS rules do not allow this page. Check the connection and try again."
        : `The store refused the upload (${status}). Try again.`,
    );
  }

  /** Whether the store refused the content because its SHA-256 is not the declared one. */
  get isWrongContent(): boolean {
    return meansWrongContent(this.answer);
  }

  /** Whether the store no longer knows the multipart upload. */
  get isUploadGone(): boolean {
    return meansUploadGone(this.answer);
  }
}

/** A file that was changed, moved or removed since it was chosen. */
export class UnreadableError extends Error {
  constructor() {
    super("The file was changed, moved or removed since it was chosen. Choose it again.");
  }
}

/** A connection without progress for this long is broken. */
const SILENCE_MS = 60_000;

/**
 * Sends bytes to the store. `onProgress` receives the number of bytes sent.
 *
 * It uses XMLHttpRequest, because `fetch` reports no upload progress. Rejects with a SendError, an
 * UnreadableError, or the signal's reason.
 */
export async function send(
  request: SignedRequest,
  body: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const { status, responseText } = await put(request, body, onProgress, signal);
  if (status >= 200 && status < 300) return;
  // A browser reports an unreadable file like a lost connection.
  if (status === 0) await body.slice(0, 1).arrayBuffer().catch(() => Promise.reject(new UnreadableError()));
  throw new SendError(status, parseStoreError(responseText));
}

function put(
  request: SignedRequest,
  body: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    const stop = () => xhr.abort();
    let silence = setTimeout(stop, SILENCE_MS);
    xhr.upload.onprogress = (event) => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
      onProgress(event.loaded);
    };
    signal.addEventListener("abort", stop);
    xhr.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve(xhr);
    };
    xhr.send(body);
  });
}
