/** The pause before the first retry. It doubles for each further retry, up to the maximum. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Waits. Rejects with the signal's reason if it is aborted. */
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

/** Returns the pause in milliseconds. It is random, so that clients do not all retry at the same moment. */
function backoff(failures: number): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Retries temporary errors, at most `tries` times in all. `attempt` receives the number of failures so far. */
export async function retrying<T>(
  attempt: (failures: number) => Promise<T>,
  { isTemporary, signal, tries = 8 }: { isTemporary: (error: unknown) => boolean; signal: AbortSignal; tries?: number },
): Promise<T> {
  for (let failures = 0; ; ) {
    signal.throwIfAborted();
    try {
      return await attempt(failures);
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      if (!isTemporary(error) || failures >= tries) throw error;
    }
    await waitBeforeRetry(failures, signal);
  }
}

/** Waits before the next try. If the browser is offline, it first waits for the network. */
export async function waitBeforeRetry(failures: number, signal: AbortSignal): Promise<void> {
  if (!navigator.onLine) await online(signal);
  await sleep(backoff(failures), signal);
}

function online(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (end: () => void) => () => {
      removeEventListener("online", onOnline);
      signal.removeEventListener("abort", onAbort);
      end();
    };
    const onOnline = done(resolve);
    const onAbort = done(() => reject(signal.reason));
    addEventListener("online", onOnline);
    signal.addEventListener("abort", onAbort);
  });
}
