import type { Report, Task } from "./hash.worker";

interface PendingHash {
  onRead: (bytes: number) => void;
  resolve: (sha256: string) => void;
  reject: (error: unknown) => void;
}

const pending = new Map<number, PendingHash>();
let worker: Worker | undefined;
let last = 0;

/**
 * Returns the SHA-256 of a file, in hexadecimal. `onRead` receives the number of bytes read so far.
 *
 * Rejects with the signal's reason, or with the error of the read.
 */
export function sha256(file: Blob, onRead: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const number = ++last;
    const stop = () => {
      post({ number, file: null });
      pending.delete(number);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    pending.set(number, {
      onRead,
      resolve: (found) => {
        signal.removeEventListener("abort", stop);
        resolve(found);
      },
      reject,
    });
    post({ number, file });
  });
}

function post(task: Task): void {
  worker ??= start();
  worker.postMessage(task);
}

function start(): Worker {
  const started = new Worker(new URL("./hash.worker.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }: MessageEvent<Report>) => {
    const request = pending.get(data.number);
    if (request === undefined) return;
    if ("read" in data) {
      request.onRead(data.read);
      return;
    }
    pending.delete(data.number);
    if ("sha256" in data) request.resolve(data.sha256);
    else request.reject(data.error);
  });
  // The worker could not be loaded. The next file tries again.
  started.addEventListener("error", () => {
    const error = new Error("The program that computes the SHA-256 could not be loaded. Check the connection and try again.");
    for (const request of pending.values()) request.reject(error);
    pending.clear();
    worker = undefined;
  });
  return started;
}
