/** A request that the API signed for the store. */
export interface SignedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  expiresAt: string;
}

/** The store's answer to a request that it refused; status 0 where there was none that the page may read. */
export class SendError extends Error {
  constructor(readonly status: number) {
    super(
      status === 0
        ? "The store cannot be reached, or its CORS rules do not admit this page. Check the connection and try again."
        : `The store refused the upload (${status}). Try again.`,
    );
  }
}

/** Of a file that was changed, moved or taken away since it was chosen. */
export class UnreadableError extends Error {
  constructor() {
    super("The file was changed, moved or removed since it was chosen. Choose it again.");
  }
}

/** Milliseconds without any progress after which a connection counts as dead. */
const SILENCE = 60_000;

/**
 * Sends bytes to the store; `onProgress` is told how many have left.
 *
 * By XMLHttpRequest, for `fetch` tells no progress of what it sends. Rejects with a SendError, an
 * UnreadableError, or what the signal was aborted with.
 */
export async function send(
  request: SignedRequest,
  body: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const status = await put(request, body, onProgress, signal);
  if (status >= 200 && status < 300) return;
  // A browser tells an unreadable file and a lost connection alike.
  if (status === 0) await body.slice(0, 1).arrayBuffer().catch(() => Promise.reject(new UnreadableError()));
  throw new SendError(status);
}

function put(
  request: SignedRequest,
  body: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    const stop = () => xhr.abort();
    let silence = setTimeout(stop, SILENCE);
    xhr.upload.onprogress = (event) => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE);
      onProgress(event.loaded);
    };
    signal.addEventListener("abort", stop);
    xhr.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve(xhr.status);
    };
    xhr.send(body);
  });
}
