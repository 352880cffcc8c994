/** Milliseconds that count: long enough to be calm, short enough to follow a change. */
const WINDOW = 6000;

/** How fast a number of bytes grows. */
export class Rate {
  private samples: { at: number; bytes: number }[] = [];

  /** Takes the bytes that are there now; bytes per second over the last seconds. */
  update(bytes: number, at = performance.now()): number {
    // What was sent may be lost again: a part that failed counts anew.
    this.samples = this.samples.filter((sample) => sample.at > at - WINDOW && sample.bytes <= bytes);
    this.samples.push({ at, bytes });
    const first = this.samples[0]!;
    return at - first.at < 500 ? 0 : ((bytes - first.bytes) * 1000) / (at - first.at);
  }

  /** Whether it has not grown for as long as counts. */
  get isStalled(): boolean {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    return first !== undefined && last !== undefined && last.at - first.at > WINDOW * 0.8 && last.bytes === first.bytes;
  }

  reset(): void {
    this.samples = [];
  }
}
