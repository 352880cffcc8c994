/** Limits how many tasks run at the same time. The others wait in a queue. */
export class Limiter {
  private readonly queue: (() => void)[] = [];

  constructor(private free: number) {}

  /** Runs `work` when a slot is free. Rejects with the signal's reason if it is aborted before. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  private enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.queue.splice(this.queue.indexOf(enter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.queue.push(enter);
    });
  }
}

/** Limits requests to the store. A browser opens six connections to a host, and one is left for downloads. */
export const storeLimiter = new Limiter(5);
