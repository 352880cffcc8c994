import type { Report, Task } from "./hash.worker";

interface Waiting {
  onRead: (bytes: number) => void;
  resolve: (sha256: string) => void;
  reject: (error: unknown) => void;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let last = 0;

/**
 * The SHA-256 of a file, in hexadecimal; `onRead` is told how many bytes were read so far.
 *
 * Rejects with what the signal was aborted with, or with the error that reading met.
 */
export function sha256(file: Blob, onRead: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const number = ++last;
    const stop = () => {
      tell({ number, file: null });
      waiting.delete(number);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
    waiting.set(number, {
      onRead,
      resolve: (found) => {
        signal.removeEventListener("abort", stop);
        resolve(found);
      },
      reject,
    });
    tell({ number, file });
  });
}

function tell(task: Task): void {
  worker ??= start();
  worker.postMessage(task);
}

function start(): Worker {
  const started = new Worker(new URL("./hash.worker.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }: MessageEvent<Report>) => {
    const asked = waiting.get(data.number);
    if (asked === undefined) return;
    if ("read" in data) {
      asked.onRead(data.read);
      return;
    }
    waiting.delete(data.number);
    if ("sha256" in data) asked.resolve(data.sha256);
    else asked.reject(data.error);
  });
  // It could not be loaded. The next file has another try.
  started.addEventListener("error", () => {
    for (const asked of waiting.values()) asked.reject(new Error("The page's hashing could not be loaded. Try again."));
    waiting.clear();
    worker = undefined;
  });
  return started;
}
