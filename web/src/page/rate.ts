/** The window of the average: long enough to be steady, short enough to follow a change. */
const WINDOW_MS = 6000;

/** Measures how fast a number of bytes grows. */
export class Rate {
  private samples: { at: number; bytes: number }[] = [];

  /** Records the current bytes, and returns the average of bytes per second in the window. */
  update(bytes: number, at = performance.now()): number {
    // The bytes of a failed part no longer count, so the number can fall.
    this.samples = this.samples.filter((sample) => sample.at > at - WINDOW_MS && sample.bytes <= bytes);
    this.samples.push({ at, bytes });
    const first = this.samples[0]!;
    return at - first.at < 500 ? 0 : ((bytes - first.bytes) * 1000) / (at - first.at);
  }

  /** Whether it has not grown in the window. */
  get isStalled(): boolean {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    return first !== undefined && last !== undefined && last.at - first.at > WINDOW_MS * 0.8 && last.bytes === first.bytes;
  }

  reset(): void {
    this.samples = [];
  }
}
