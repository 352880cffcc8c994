import { call } from "./api";
import type { StoredFile } from "./file";
import { arrivedParts, bytesOf, isPassing, type PartPlan, sendParts } from "./parts";
import { Problem } from "./problem";
import { retrying } from "./retry";
import type { SignedRequest } from "./send";
import { sendWhole } from "./whole";

/** How often what `complete` finds missing is sent. */
const ROUNDS = 3;

/** What the API answers to an announcement: how to fill the file, or neither where its content is there. */
export interface Announced {
  file: StoredFile;
  upload: SignedRequest | null;
  multipart: PartPlan | null;
}

/** Announces a file. A repeat with the same key gets the same answer, whatever became of the first. */
export function announce(draft: object, idempotencyKey: string, signal: AbortSignal): Promise<Announced> {
  const options = { body: draft, headers: { "Idempotency-Key": idempotencyKey }, signal };
  return retrying(() => call("POST", "/files/upload-request", options), { isPassing, signal });
}

/** An announced file that is being filled: by one PUT or in parts, in one go or in several. */
export class Filling {
  private hasArrived = false;
  private arrived: Set<number>;
  /** Whether parts may have been sent before, by this page or by an earlier one. */
  private isResumed: boolean;

  constructor(
    readonly id: string,
    private readonly size: number,
    private request: SignedRequest | null,
    private readonly plan: PartPlan | null,
    arrived?: Set<number>,
  ) {
    this.arrived = arrived ?? new Set();
    this.isResumed = arrived !== undefined;
  }

  get isMultipart(): boolean {
    return this.plan !== null;
  }

  /** How many bytes have arrived for good. */
  get bytes(): number {
    if (this.plan !== null) return bytesOf(this.plan, this.size, this.arrived);
    return this.hasArrived ? this.size : 0;
  }

  /**
   * Sends what has not arrived and completes the file; `onProgress` is told the bytes that have arrived or are on
   * their way. Rejects with the first error that no repeat mends, or with what the signal was aborted with.
   */
  async fill(source: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<StoredFile> {
    // A part that was on its way at a pause or a reload may have reached the store after it was last asked.
    if (this.isResumed) await this.findArrived(signal);
    this.isResumed = true;
    for (let round = 1; ; round++) {
      await this.send(source, onProgress, signal);
      try {
        const complete = () => call<StoredFile>("POST", `/files/${this.id}/complete`, { signal });
        return await retrying(complete, { isPassing, signal });
      } catch (error) {
        const code = error instanceof Problem ? error.code : "";
        if (round === ROUNDS || (code !== "parts_missing" && code !== "object_missing")) throw error;
        this.hasArrived = false;
        await this.findArrived(signal);
      }
    }
  }

  private async findArrived(signal: AbortSignal): Promise<void> {
    if (this.plan === null) return;
    const find = () => arrivedParts(this.id, this.size, signal);
    [, this.arrived] = await retrying(find, { isPassing, signal });
  }

  private async send(source: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    const tell = (underway: number) => onProgress(this.bytes + underway);
    tell(0);
    if (this.plan !== null) {
      await sendParts(this.id, source, this.plan, this.arrived, tell, signal);
    } else if (!this.hasArrived) {
      const { request } = this;
      this.request = null; // A URL takes one upload, and this one may be cut short.
      await sendWhole(this.id, source, request, tell, signal);
      this.hasArrived = true;
    }
  }
}
