/** Lets so many through at once; the others wait in line. */
export class Lanes {
  private readonly line: (() => void)[] = [];

  constructor(private free: number) {}

  /** Runs `work` once there is a lane. Who leaves the line by its signal rejects with that signal's reason. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await work();
    } finally {
      const next = this.line.shift();
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
        this.line.splice(this.line.indexOf(enter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.line.push(enter);
    });
  }
}

/** All that is sent to the store. A browser opens six connections to a host, and one more is kept for downloads. */
export const toStore = new Lanes(5);
