import { signal } from "@preact/signals";
import { deleteFile, isFinal, type StoredFile } from "./file";
import { announce, Filling } from "./filling";
import { sha256 } from "./hash";
import { claim, forget, keep, type Kept } from "./kept";
import { Problem, tell } from "./problem";
import { Rate } from "./rate";
import { UnreadableError } from "./send";
import { owner } from "./session";
import { isRefused } from "./whole";

/** Bytes from which a file goes in parts: smaller ones are sent again sooner than they are cut. */
const IN_PARTS_FROM = 16 * 1024 ** 2;

/** Bytes up to which a file is hashed before it is sent: what is stored already need not be sent at all. */
const HASHED_UP_TO = 1024 ** 3;

/**
 * `waiting` for its turn, `reading` the file to hash it, `sending` it, `paused` by a person, `interrupted` by a
 * reload and without its file, `verifying` by the server, `done` or `failed`.
 */
export type Stage = "waiting" | "reading" | "sending" | "paused" | "interrupted" | "verifying" | "done" | "failed";

let last = 0;

/** One file on its way to the store. */
export class Upload {
  readonly key = ++last;
  readonly stage = signal<Stage>("waiting");
  /** Bytes read while reading, else bytes sent. */
  readonly done = signal(0);
  /** Bytes a second. */
  readonly speed = signal(0);
  /** Whether nothing has got through for a while. */
  readonly isStalled = signal(false);
  readonly failure = signal("");
  /** The file as the API last told it; null before it is announced. */
  readonly stored = signal<StoredFile | null>(null);
  /** Whether the content was there already, so that nothing was sent. */
  readonly wasThere = signal(false);

  private source: File | null = null;
  private control = new AbortController();
  private idempotencyKey = randomKey();
  private sha256: string | null = null;
  private filling: Filling | null = null;
  private readonly rate = new Rate();

  constructor(
    readonly name: string,
    readonly size: number,
    private readonly lastModified: number,
    readonly handle: FileSystemFileHandle | null,
  ) {}

  static of(file: File, handle: FileSystemFileHandle | null): Upload {
    const upload = new Upload(file.name, file.size, file.lastModified, handle);
    upload.source = file;
    return upload;
  }

  /** One from before a reload; it wants its file again. */
  static from(kept: Kept, stored: StoredFile, filling: Filling): Upload {
    const upload = new Upload(kept.name, kept.size, kept.lastModified, kept.handle);
    upload.stored.value = stored;
    upload.filling = filling;
    upload.done.value = filling.bytes;
    upload.stage.value = "interrupted";
    return upload;
  }

  get isActive(): boolean {
    return this.stage.value === "reading" || this.stage.value === "sending";
  }

  /** Bytes that have left. */
  get sent(): number {
    return this.stage.value === "reading" ? 0 : this.done.value;
  }

  /** Whether a person can do no more about it. */
  get isOver(): boolean {
    return this.stage.value === "verifying" || this.stage.value === "done";
  }

  /** Whether it could be tried again: without its file nothing can be sent. */
  get hasFile(): boolean {
    return this.source !== null;
  }

  /** Whether this is the file that was on its way. */
  matches(file: File): boolean {
    return file.name === this.name && file.size === this.size && file.lastModified === this.lastModified;
  }

  /** Takes the file that an interrupted upload wants, and goes on when there is room, or when a person says so. */
  provide(file: File, stage: "waiting" | "paused" = "waiting"): void {
    this.source = file;
    this.stage.value = stage;
  }

  /** Does all that is left to do; never rejects. A pause or a cancel ends it at once. */
  async run(): Promise<void> {
    const control = new AbortController();
    const { signal } = control;
    this.control = control;
    this.failure.value = "";
    this.rate.reset();
    this.isStalled.value = false;
    try {
      this.filling ??= await this.announce(this.source!, signal);
      if (this.filling !== null) await this.fill(this.filling, this.source!, signal);
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
    // What was on its way is lost.
    this.done.value = this.filling?.bytes ?? 0;
    if (this.filling !== null) void this.remember(this.filling);
  }

  /** Stands in line again, after a pause or a failure. */
  resume(): void {
    if (this.stage.value === "paused" || (this.stage.value === "failed" && this.hasFile)) this.stage.value = "waiting";
  }

  /** Ends it, and has the server forget what has arrived. */
  async cancel(): Promise<void> {
    this.control.abort();
    if (!this.isOver) await this.withdraw();
  }

  /** Takes what the server says of the file. */
  update(file: StoredFile): void {
    const known = this.stored.value;
    if (file.id !== known?.id || (isFinal(known) && !isFinal(file))) return;
    this.stored.value = file;
    const isGone = file.deletedAt !== null || file.status === "EXPIRED";
    if (file.status === "PENDING" && !isGone) return;
    // The server may know of an end before its answer is here, or without having been asked.
    this.control.abort();
    if (isGone && !this.isOver) {
      this.lose(file.deletedAt === null ? "It was not sent in time and has expired." : "It was deleted meanwhile.");
    } else {
      this.end(isGone || isFinal(file) ? "done" : "verifying");
    }
  }

  /** Measures the speed; to be called twice a second or so. */
  tick(): void {
    if (this.stage.value !== "sending") return;
    this.speed.value = this.rate.update(this.done.value);
    this.isStalled.value = this.rate.isStalled;
  }

  private async announce(source: File, signal: AbortSignal): Promise<Filling | null> {
    if (this.sha256 === null && this.size <= HASHED_UP_TO) {
      this.stage.value = "reading";
      this.sha256 = await sha256(source, (bytes) => (this.done.value = bytes), signal).catch(asUnreadable);
    }
    this.stage.value = "sending";
    this.done.value = 0;
    const draft = {
      name: this.name,
      size: this.size,
      ...(source.type && { contentType: source.type }),
      ...(this.sha256 && { sha256: this.sha256 }),
      multipart: this.size > IN_PARTS_FROM,
    };
    const { file, upload, multipart } = await announce(draft, this.idempotencyKey, signal);
    this.stored.value = file;
    if (upload !== null || multipart !== null) return new Filling(file.id, this.size, upload, multipart);
    this.wasThere.value = true;
    this.end(isFinal(file) ? "done" : "verifying");
    return null;
  }

  private async fill(filling: Filling, source: File, signal: AbortSignal): Promise<void> {
    this.stage.value = "sending";
    claim(filling.id, signal);
    await this.remember(filling);
    const file = await filling.fill(source, (bytes) => (this.done.value = bytes), signal);
    signal.throwIfAborted();
    this.end("verifying");
    this.update(file);
  }

  private remember({ id, isMultipart }: Filling): Promise<void> {
    const { name, size, lastModified, handle } = this;
    const isPaused = this.stage.value === "paused";
    return keep({ id, owner: owner.value, name, size, lastModified, isMultipart, isPaused, handle });
  }

  private end(stage: "verifying" | "done"): void {
    this.done.value = this.size;
    this.stage.value = stage;
    this.source = null;
    void forget(this.stored.value!.id);
  }

  private async fail(error: unknown): Promise<void> {
    if (error instanceof Problem && (error.code === "wrong_state" || error.code === "file_not_found")) {
      this.lose(error.message);
      return;
    }
    this.failure.value = isRefused(error) ? "The file changed while it was read and sent. Try again." : tell(error);
    this.stage.value = "failed";
    if (error instanceof UnreadableError) this.source = null;
    // What was announced is not what the file is now: the next try announces anew.
    if (error instanceof UnreadableError || isRefused(error)) await this.withdraw();
  }

  /** What was announced can be filled no more: the next try announces anew. */
  private lose(why: string): void {
    if (this.stored.value) void forget(this.stored.value.id);
    this.startAnew();
    this.failure.value = `${why} ${this.hasFile ? "Try again." : "Add the file again."}`;
    this.stage.value = "failed";
  }

  private async withdraw(): Promise<void> {
    const file = this.stored.value;
    this.startAnew();
    if (file === null) return;
    await forget(file.id);
    // What cannot be withdrawn now expires by itself.
    await deleteFile(file.id).catch(() => null);
  }

  private startAnew(): void {
    this.stored.value = null;
    this.filling = null;
    this.sha256 = null;
    this.idempotencyKey = randomKey();
    this.done.value = 0;
  }
}

function asUnreadable(error: unknown): never {
  throw error instanceof DOMException && error.name === "NotReadableError" ? new UnreadableError() : error;
}

// `crypto.randomUUID` is there on secure origins only.
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
