/** Milliseconds before the first repeat; each further one waits twice as long, up to the longest. */
const FIRST = 500;
const LONGEST = 30_000;

/** Waits; rejects at once where the signal is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Milliseconds to wait after so many failures. Random, else all who lost a server return at once. */
function backoff(failures: number): number {
  return Math.min(LONGEST, FIRST * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Tries until it works, it fails for good, or it failed `tries` times; `attempt` is told how often it did. */
export async function retrying<T>(
  attempt: (failures: number) => Promise<T>,
  { isPassing, signal, tries = 8 }: { isPassing: (error: unknown) => boolean; signal: AbortSignal; tries?: number },
): Promise<T> {
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      return await attempt(failures);
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      if (!isPassing(error) || failures >= tries) throw error;
    }
    await breathe(failures, signal);
  }
}

/** Waits after so many failures; where the browser knows that there is no network, for one. */
export async function breathe(failures: number, signal: AbortSignal): Promise<void> {
  if (!navigator.onLine) await online(signal);
  await sleep(backoff(failures), signal);
}

function online(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (end: () => void) => () => {
      removeEventListener("online", came);
      signal.removeEventListener("abort", stopped);
      end();
    };
    const came = done(resolve);
    const stopped = done(() => reject(signal.reason));
    addEventListener("online", came);
    signal.addEventListener("abort", stopped);
  });
}
