import { call } from "./api";
import type { StoredFile } from "./file";
import { arrivedParts, bytesOf, isTemporary, type PartPlan, sendParts } from "./parts";
import { Problem } from "./problem";
import { retrying } from "./retry";
import { SendError, type SignedRequest } from "./send";
import { sendByPut } from "./put-upload";

/** How often missing bytes are sent, if `complete` reports them. */
const MAX_ROUNDS = 3;

/** A file and how to send it: by one PUT, in parts, or neither if its content is already stored. */
export interface UploadGrant {
  file: StoredFile;
  upload: SignedRequest | null;
  multipart: PartPlan | null;
}

/** Requests an upload. A repeat with the same key returns the same file. */
export function requestUpload(draft: object, idempotencyKey: string, signal: AbortSignal): Promise<UploadGrant> {
  const options = { body: draft, headers: { "Idempotency-Key": idempotencyKey }, signal };
  return retrying(() => call("POST", "/files/upload-request", options), { isTemporary, signal });
}

/** The transfer of a requested upload to the store, by one PUT or in parts. It can be resumed. */
export class Transfer {
  private hasArrived = false;
  private arrived: Set<number>;
  /** Whether this page or an earlier one may have sent parts. */
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

  /** How many bytes are stored. */
  get bytes(): number {
    if (this.plan !== null) return bytesOf(this.plan, this.size, this.arrived);
    return this.hasArrived ? this.size : 0;
  }

  /**
   * Sends the missing bytes and completes the file. `onProgress` receives the number of bytes sent or stored.
   * Rejects with the first permanent error, or with the signal's reason.
   */
  async run(source: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<StoredFile> {
    // A part that was in transfer at a pause or a reload may have reached the store.
    if (this.isResumed) await this.findArrived(signal);
    this.isResumed = true;
    for (let round = 1; ; round++) {
      try {
        await this.send(source, onProgress, signal);
      } catch (error) {
        // The store has dropped the multipart upload. Completing it lets the API begin another.
        if (!(error instanceof SendError && error.isUploadGone)) throw error;
      }
      try {
        const complete = () => call<StoredFile>("POST", `/files/${this.id}/complete`, { signal });
        return await retrying(complete, { isTemporary, signal });
      } catch (error) {
        const code = error instanceof Problem ? error.code : "";
        if (round === MAX_ROUNDS || (code !== "parts_missing" && code !== "object_missing")) throw error;
        this.hasArrived = false;
        await this.findArrived(signal);
      }
    }
  }

  private async findArrived(signal: AbortSignal): Promise<void> {
    if (this.plan === null) return;
    const find = () => arrivedParts(this.id, this.size, signal);
    [, this.arrived] = await retrying(find, { isTemporary, signal });
  }

  private async send(source: File, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
    const report = (underway: number) => onProgress(this.bytes + underway);
    report(0);
    if (this.plan !== null) {
      await sendParts(this.id, source, this.plan, this.arrived, report, signal);
    } else if (!this.hasArrived) {
      const { request } = this;
      this.request = null; // A URL allows one upload, and this one may be interrupted.
      await sendByPut(this.id, source, request, report, signal);
      this.hasArrived = true;
    }
  }
}
