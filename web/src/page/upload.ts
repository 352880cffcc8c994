import { signal } from "@preact/signals";
import { deleteFile, isFinal, type StoredFile } from "./file";
import type { PickedFile } from "./file-picker";
import { requestUpload, Transfer } from "./transfer";
import { sha256 } from "./hash";
import { claim, forget, save, type ResumableUpload } from "./resume-store";
import { Problem, messageOf } from "./problem";
import { randomKey } from "./random-key";
import { Rate } from "./rate";
import { UnreadableError } from "./send";
import { owner } from "./session";
import { isRefused } from "./put-upload";

/** Larger files are sent in parts. Smaller files are cheap to send again. */
const MAX_SINGLE_PUT_BYTES = 16 * 1024 ** 2;

/** Files up to this size are hashed first, because stored content is not sent again. */
const MAX_HASHED_BYTES = 1024 ** 3;

/**
 * `waiting` in the queue, `reading` the file to hash it, `sending` it, `paused` by the user, `interrupted` by a
 * reload and without its file, `verifying` on the server, `done` or `failed`.
 */
export type Stage = "waiting" | "reading" | "sending" | "paused" | "interrupted" | "verifying" | "done" | "failed";

let last = 0;

/** The upload of one file. */
export class Upload {
  readonly key = ++last;
  readonly stage = signal<Stage>("waiting");
  /** Bytes read in the stage `reading`, otherwise bytes sent. */
  readonly done = signal(0);
  /** Bytes per second. */
  readonly speed = signal(0);
  /** Whether no bytes have been sent for some seconds. */
  readonly isStalled = signal(false);
  readonly failure = signal("");
  /** The file as the API last returned it; null before the upload is requested. */
  readonly stored = signal<StoredFile | null>(null);
  /** Whether the content was already stored, so that nothing was sent. */
  readonly wasStored = signal(false);

  private source: File | null = null;
  private control = new AbortController();
  private idempotencyKey = randomKey();
  private sha256: string | null = null;
  private transfer: Transfer | null = null;
  private readonly rate = new Rate();

  constructor(
    readonly name: string,
    readonly folder: string,
    readonly size: number,
    private readonly lastModified: number,
    readonly handle: FileSystemFileHandle | null,
  ) {}

  /** Creates an upload into a folder. The paths of dropped and chosen folders stay below it. */
  static of({ file, path, handle }: PickedFile, folder: string): Upload {
    const upload = new Upload(file.name, folder + path, file.size, file.lastModified, handle);
    upload.source = file;
    return upload;
  }

  /** Creates an upload that a reload interrupted. It needs its file again. */
  static from(resumable: ResumableUpload, stored: StoredFile, transfer: Transfer): Upload {
    const upload = new Upload(resumable.name, stored.folder, resumable.size, resumable.lastModified, resumable.handle);
    upload.stored.value = stored;
    upload.transfer = transfer;
    upload.done.value = transfer.bytes;
    upload.stage.value = "interrupted";
    return upload;
  }

  get isActive(): boolean {
    return this.stage.value === "reading" || this.stage.value === "sending";
  }

  /** Bytes sent. */
  get sent(): number {
    return this.stage.value === "reading" ? 0 : this.done.value;
  }

  /** Whether the client's part of the upload has ended. */
  get isFinished(): boolean {
    return this.stage.value === "verifying" || this.stage.value === "done";
  }

  /** Whether the file is available, so that the upload can be retried. */
  get hasFile(): boolean {
    return this.source !== null;
  }

  /** Returns whether this is the file of the upload. */
  matches({ file, path }: PickedFile): boolean {
    const isSame = file.name === this.name && file.size === this.size && file.lastModified === this.lastModified;
    return isSame && this.folder.endsWith(path);
  }

  /** Sets the file of an interrupted upload, which then waits in the queue or is paused. */
  provide(file: File, stage: "waiting" | "paused" = "waiting"): void {
    this.source = file;
    this.stage.value = stage;
  }

  /** Runs the upload to its end. Never rejects. A pause or a cancellation stops it at once. */
  async run(): Promise<void> {
    const control = new AbortController();
    const { signal } = control;
    this.control = control;
    this.failure.value = "";
    this.rate.reset();
    this.isStalled.value = false;
    try {
      this.transfer ??= await this.requestTransfer(this.source!, signal);
      if (this.transfer !== null) await this.send(this.transfer, this.source!, signal);
    } catch (error) {
      if (!signal.aborted) await this.fail(error);
    } finally {
      control.abort();
      this.speed.value = 0;
    }
  }

  pause(): void {
    if (this.stage.value !== "waiting" && !this.isActive) return;
    this.stage.value = "paused";
    this.control.abort();
    // Bytes in transfer are lost.
    this.done.value = this.transfer?.bytes ?? 0;
    if (this.transfer !== null) void this.store(this.transfer);
  }

  /** Puts the upload into the queue again, after a pause or a failure. */
  resume(): void {
    if (this.stage.value === "paused" || (this.stage.value === "failed" && this.hasFile)) this.stage.value = "waiting";
  }

  /** Stops the upload, and deletes its file on the server. */
  async cancel(): Promise<void> {
    this.control.abort();
    if (!this.isFinished) await this.withdraw();
  }

  /** Updates the upload from the server's file. */
  update(file: StoredFile): void {
    const known = this.stored.value;
    if (file.id !== known?.id || (isFinal(known) && !isFinal(file))) return;
    this.stored.value = file;
    const isGone = file.deletedAt !== null || file.status === "EXPIRED";
    if (file.status === "PENDING" && !isGone) return;
    // An event may arrive before the response, or without a request.
    this.control.abort();
    if (isGone && !this.isFinished) {
      this.abandon(file.deletedAt === null ? "The upload was not completed in time and has expired." : "The file was deleted.");
    } else {
      this.end(isGone || isFinal(file) ? "done" : "verifying");
    }
  }

  /** Updates the speed. Call it about twice a second. */
  tick(): void {
    if (this.stage.value !== "sending") return;
    this.speed.value = this.rate.update(this.done.value);
    this.isStalled.value = this.rate.isStalled;
  }

  private async requestTransfer(source: File, signal: AbortSignal): Promise<Transfer | null> {
    if (this.sha256 === null && this.size <= MAX_HASHED_BYTES) {
      this.stage.value = "reading";
      this.sha256 = await sha256(source, (bytes) => (this.done.value = bytes), signal).catch(asUnreadable);
    }
    this.stage.value = "sending";
    this.done.value = 0;
    const request = {
      name: this.name,
      folder: this.folder,
      size: this.size,
      ...(source.type && { contentType: source.type }),
      ...(this.sha256 && { sha256: this.sha256 }),
      multipart: this.size > MAX_SINGLE_PUT_BYTES,
    };
    const { file, upload, multipart } = await requestUpload(request, this.idempotencyKey, signal);
    this.stored.value = file;
    if (upload !== null || multipart !== null) return new Transfer(file.id, this.size, upload, multipart);
    this.wasStored.value = true;
    this.end(isFinal(file) ? "done" : "verifying");
    return null;
  }

  private async send(transfer: Transfer, source: File, signal: AbortSignal): Promise<void> {
    this.stage.value = "sending";
    claim(transfer.id, signal);
    await this.store(transfer);
    const file = await transfer.run(source, (bytes) => (this.done.value = bytes), signal);
    signal.throwIfAborted();
    this.end("verifying");
    this.update(file);
  }

  private store({ id, isMultipart }: Transfer): Promise<void> {
    const { name, size, lastModified, handle } = this;
    const isPaused = this.stage.value === "paused";
    return save({ id, owner: owner.value, name, size, lastModified, isMultipart, isPaused, handle });
  }

  private end(stage: "verifying" | "done"): void {
    this.done.value = this.size;
    this.stage.value = stage;
    this.source = null;
    void forget(this.stored.value!.id);
  }

  private async fail(error: unknown): Promise<void> {
    if (error instanceof Problem && (error.code === "wrong_state" || error.code === "file_not_found")) {
      this.abandon(error.message);
      return;
    }
    this.failure.value = isRefused(error) ? "The file changed during the upload. Try again." : messageOf(error);
    this.stage.value = "failed";
    if (error instanceof UnreadableError) this.source = null;
    // The file differs from the requested upload, so the next try requests a new one.
    if (error instanceof UnreadableError || isRefused(error)) await this.withdraw();
  }

  /** Records that the requested upload can no longer be sent. The next try requests a new one. */
  private abandon(why: string): void {
    if (this.stored.value) void forget(this.stored.value.id);
    this.reset();
    this.failure.value = `${why} ${this.hasFile ? "Try again." : "Add the file again."}`;
    this.stage.value = "failed";
  }

  private async withdraw(): Promise<void> {
    const file = this.stored.value;
    this.reset();
    if (file === null) return;
    await forget(file.id);
    // If the deletion fails, the upload expires.
    await deleteFile(file.id).catch(() => null);
  }

  private reset(): void {
    this.stored.value = null;
    this.transfer = null;
    this.sha256 = null;
    this.idempotencyKey = randomKey();
    this.done.value = 0;
  }
}

function asUnreadable(error: unknown): never {
  throw error instanceof DOMException && error.name === "NotReadableError" ? new UnreadableError() : error;
}
