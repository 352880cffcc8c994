import { signal } from "@preact/signals";
import { call } from "./api";
import { deleteFile, isFinal, type StoredFile } from "./file";
import { sha256 } from "./hash";
import { claim, forget, keep, type Kept } from "./kept";
import { arrivedParts, bytesOf, isPassing, type PartPlan, sendParts } from "./parts";
import { Problem, tell } from "./problem";
import { Rate } from "./rate";
import { retrying } from "./retry";
import { type SignedRequest, UnreadableError } from "./send";
import { owner } from "./session";
import { isRefused, sendWhole } from "./whole";

/** Bytes from which a file goes in parts: smaller ones are sent again sooner than they are cut. */
const IN_PARTS_FROM = 16 * 1024 ** 2;

/** Bytes up to which a file is hashed before it is sent: what is stored already need not be sent at all. */
const HASHED_UP_TO = 1024 ** 3;

/** How often what `complete` finds missing is sent. */
const ROUNDS = 3;

/**
 * `waiting` for its turn, `reading` the file to hash it, `sending` it, `paused` by a person, `interrupted` by a
 * reload and without its file, `verifying` by the server, `done` or `failed`.
 */
export type Stage = "waiting" | "reading" | "sending" | "paused" | "interrupted" | "verifying" | "done" | "failed";

interface Announced {
  file: StoredFile;
  upload: SignedRequest | null;
  multipart: PartPlan | null;
}

let last = 0;

/** One file on its way to the store. */
export class Upload {
  readonly key = ++last;
  readonly stage = signal<Stage>("waiting");
  /** Bytes read while reading, else bytes sent. */
  readonly done = signal(0);
  /** Bytes a second. */
  readonly speed = signal(0);
  readonly failure = signal("");
  /** The file as the API last told it. */
  readonly stored = signal<StoredFile | null>(null);
  /** Whether the content was there already, so that nothing was sent. */
  readonly wasThere = signal(false);

  private source: File | null = null;
  private control = new AbortController();
  private idempotencyKey = randomKey();
  private sha256: string | null = null;
  private request: SignedRequest | null = null;
  /** Null where the file goes by one PUT. */
  private plan: PartPlan | null = null;
  private arrived = new Set<number>();
  private hasArrived = false;
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
  static from(kept: Kept, stored: StoredFile, plan: PartPlan | null, arrived: Set<number>): Upload {
    const upload = new Upload(kept.name, kept.size, kept.lastModified, kept.handle);
    upload.stored.value = stored;
    upload.plan = plan;
    upload.arrived = arrived;
    upload.stage.value = "interrupted";
    upload.count();
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
    try {
      if (this.stored.value === null) await this.announce(this.source!, signal);
      if (!this.isOver) await this.transfer(this.source!, signal);
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
    if (this.stored.value !== null) void this.remember(this.stored.value.id);
  }

  /** Stands in line again, after a pause or a failure. */
  resume(): void {
    if (this.stage.value === "paused" || (this.stage.value === "failed" && this.hasFile)) this.stage.value = "waiting";
  }

  /** Ends it, and has the server forget what has arrived. */
  async cancel(): Promise<void> {
    this.control.abort();
    await this.withdraw();
  }

  /** Takes what the server says of the file. */
  update(file: StoredFile): void {
    const known = this.stored.value;
    if (file.id !== known?.id || (isFinal(known) && !isFinal(file))) return;
    this.stored.value = file;
    const isGone = file.deletedAt !== null;
    if (this.isOver ? isGone || isFinal(file) : isFinal(file) && file.status !== "EXPIRED" && !isGone) {
      this.end("done");
    } else if (!this.isOver && (isGone || isFinal(file))) {
      this.control.abort();
      this.lose(isGone ? "It was deleted meanwhile." : "It was not sent in time and has expired.");
    }
  }

  /** Measures the speed; to be called twice a second or so. */
  tick(): void {
    if (this.stage.value === "sending") this.speed.value = this.rate.update(this.done.value);
  }

  private async announce(source: File, signal: AbortSignal): Promise<void> {
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
    // A pause may hide the answer from us; with the key a repeat gets it again.
    const headers = { "Idempotency-Key": this.idempotencyKey };
    const options = { body: draft, headers, signal };
    const announced = await patiently(() => call<Announced>("POST", "/files/upload-request", options), signal);
    this.stored.value = announced.file;
    this.request = announced.upload;
    this.plan = announced.multipart;
    if (this.request === null && this.plan === null) {
      this.wasThere.value = true;
      this.end(isFinal(announced.file) ? "done" : "verifying");
    }
  }

  private async transfer(source: File, signal: AbortSignal): Promise<void> {
    const { id } = this.stored.value!;
    this.stage.value = "sending";
    claim(id, signal);
    await this.remember(id);
    for (let round = 1; ; round++) {
      await this.send(id, source, signal);
      try {
        const file = await patiently(() => call<StoredFile>("POST", `/files/${id}/complete`, { signal }), signal);
        this.end("verifying");
        this.update(file);
        return;
      } catch (error) {
        const code = error instanceof Problem ? error.code : "";
        if (round === ROUNDS || (code !== "parts_missing" && code !== "object_missing")) throw error;
        this.hasArrived = false;
        if (this.plan !== null) [, this.arrived] = await arrivedParts(id, this.size, signal);
      }
    }
  }

  private async send(id: string, source: File, signal: AbortSignal): Promise<void> {
    const count = (underway: number) => this.count(underway);
    count(0);
    if (this.plan !== null) {
      await sendParts(id, source, this.plan, this.arrived, count, signal);
    } else if (!this.hasArrived) {
      const request = this.request;
      this.request = null; // A URL takes one upload, and this may be cut short.
      await sendWhole(id, source, request, count, signal);
      this.hasArrived = true;
    }
  }

  private remember(id: string): Promise<void> {
    const { name, size, lastModified, handle } = this;
    const isMultipart = this.plan !== null;
    const isPaused = this.stage.value === "paused";
    return keep({ id, owner: owner.value, name, size, lastModified, isMultipart, isPaused, handle });
  }

  private count(underway = 0): void {
    const there = this.plan === null ? Number(this.hasArrived) * this.size : bytesOf(this.plan, this.size, this.arrived);
    this.done.value = there + underway;
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
    const isOther = error instanceof UnreadableError || isRefused(error);
    this.failure.value = isRefused(error) ? "The file changed while it was read and sent. Try again." : tell(error);
    if (error instanceof UnreadableError) this.source = null;
    this.stage.value = "failed";
    // What was announced is not what the file is now: the next try announces anew.
    if (isOther) await this.withdraw();
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
    this.request = null;
    this.plan = null;
    this.sha256 = null;
    this.arrived = new Set();
    this.hasArrived = false;
    this.idempotencyKey = randomKey();
    this.done.value = 0;
  }
}

function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retrying(ask, { isPassing, signal });
}

function asUnreadable(error: unknown): never {
  throw error instanceof DOMException && error.name === "NotReadableError" ? new UnreadableError() : error;
}

// `crypto.randomUUID` is there on secure origins only.
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
