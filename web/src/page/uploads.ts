import { computed, effect, signal, untracked } from "@preact/signals";
import { call } from "./api";
import { failureOf, getFile, STATUSES, type StoredFile } from "./file";
import { Filling } from "./filling";
import { forget, kept, type Kept } from "./kept";
import { say } from "./notices";
import { arrivedParts } from "./parts";
import type { Picked } from "./picking";
import { Problem } from "./problem";
import { owner } from "./session";
import { Upload } from "./upload";

/** Files that are read or sent at once: more would only share the line. */
const AT_ONCE = 3;

export const uploads = signal<readonly Upload[]>([]);

const open = computed(() => uploads.value.filter((upload) => !upload.isOver));

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** The first of those that were added since nothing was under way. */
const first = signal(0);

/**
 * How far all of them are together, with those that have arrived meanwhile: `count` are under way, `left` are the
 * seconds until those end that are not held up.
 */
export const overall = computed(() => {
  const counted = uploads.value.filter(
    (upload) => upload.stage.value !== "failed" && (!upload.isOver || upload.key >= first.value),
  );
  const moving = counted.filter((upload) => upload.isActive || upload.stage.value === "waiting");
  const count = counted.filter((upload) => !upload.isOver).length;
  const size = sum(counted.map((upload) => upload.size));
  const done = sum(counted.map((upload) => upload.sent));
  const speed = sum(moving.map((upload) => upload.speed.value));
  const left = sum(moving.map((upload) => upload.size - upload.sent)) / speed;
  return { count, size, done, speed, left };
});

/** Whether anything moves, or will by itself. */
export const isBusy = computed(() => uploads.value.some((upload) => upload.isActive || upload.stage.value === "waiting"));
export const canResume = computed(() => open.value.some((upload) => upload.stage.value === "paused"));
export const canClear = computed(() => uploads.value.some((upload) => upload.stage.value === "done"));

/** Sends these; a file that an interrupted upload waits for continues that one. */
export function add(picked: readonly Picked[]): void {
  const added: Upload[] = [];
  for (const { file, handle } of picked) {
    const interrupted = uploads.value.find((upload) => upload.stage.value === "interrupted" && upload.matches(file));
    if (interrupted) interrupted.provide(file);
    else added.push(Upload.of(file, handle));
  }
  if (overall.value.count === 0 && added[0]) first.value = added[0].key;
  uploads.value = [...uploads.value, ...added];
}

export function pauseAll(): void {
  for (const upload of open.value) upload.pause();
}

export function resumeAll(): void {
  for (const upload of open.value) if (upload.stage.value === "paused") upload.resume();
}

export function cancel(upload: Upload): void {
  remove((other) => other === upload);
  void upload.cancel();
}

export function cancelAll(): void {
  const cancelled = open.value;
  remove((upload) => cancelled.includes(upload));
  for (const upload of cancelled) void upload.cancel();
}

/** Takes those off the list that are done. */
export function clear(): void {
  remove((upload) => upload.stage.value === "done");
}

function remove(isGone: (upload: Upload) => boolean): void {
  uploads.value = uploads.value.filter((upload) => !isGone(upload));
}

/** Takes what the server says of a file, whoever asked. */
export function update(file: StoredFile): void {
  const upload = uploads.value.find((each) => each.stored.value?.id === file.id);
  if (upload === undefined) return;
  const before = upload.stage.value;
  upload.update(file);
  if (before === "verifying" && upload.stage.value === "done") {
    const why = file.status === "FAILED" ? ` ${failureOf(file)}` : "";
    say(`${file.name}: ${STATUSES[file.status]}.${why}`);
  }
}

/** Asks for what may have been missed of the files that are being verified. */
export async function catchUp(): Promise<void> {
  const verifying = uploads.value.filter((upload) => upload.stage.value === "verifying");
  await Promise.allSettled(verifying.map(async (upload) => update(await getFile(upload.stored.value!.id))));
}

/** Lists what a reload interrupted, goes on where the browser still holds the file, and ends what was only not ended. */
export async function takeUp(): Promise<void> {
  const known = new Set(uploads.value.map((upload) => upload.stored.value?.id));
  for (const each of await kept(owner.value)) {
    if (known.has(each.id)) continue;
    const upload = await interrupted(each).catch(() => null);
    if (upload === null) continue;
    uploads.value = [...uploads.value, upload];
    if (upload.handle === null || !(await isReadable(upload.handle, "query"))) continue;
    await provideFrom(upload, upload.handle, each.isPaused ? "paused" : "waiting");
  }
}

/** Goes on with an interrupted upload, from the file that the browser holds; whether it could. */
export async function goOn(upload: Upload): Promise<boolean> {
  const { handle } = upload;
  return handle !== null && (await isReadable(handle, "request")) && (await provideFrom(upload, handle));
}

async function interrupted(upload: Kept): Promise<Upload | null> {
  try {
    // Whoever left after the last byte has left a whole upload.
    await call("POST", `/files/${upload.id}/complete`);
    await forget(upload.id);
    return null;
  } catch (error) {
    const code = error instanceof Problem ? error.code : "";
    if (code === "wrong_state" || code === "file_not_found") await forget(upload.id);
    if (code !== "parts_missing" && code !== "object_missing") return null;
  }
  const stored = await getFile(upload.id);
  const [plan, arrived] = upload.isMultipart ? await arrivedParts(upload.id, upload.size) : [null, new Set<number>()];
  return Upload.from(upload, stored, new Filling(upload.id, upload.size, null, plan, arrived));
}

async function isReadable(handle: FileSystemFileHandle, how: "query" | "request"): Promise<boolean> {
  // Not in the standard yet; Chromium alone has handles that outlive a page.
  const asked = handle as unknown as Record<string, (mode: object) => Promise<PermissionState>>;
  return (await asked[`${how}Permission`]?.({ mode: "read" })) === "granted";
}

async function provideFrom(
  upload: Upload,
  handle: FileSystemFileHandle,
  stage?: "waiting" | "paused",
): Promise<boolean> {
  const file = await handle.getFile().catch(() => null);
  if (file === null || !upload.matches(file)) return false;
  upload.provide(file, stage);
  return true;
}

// Whenever there is room the next in line begins.
effect(() => {
  const room = AT_ONCE - uploads.value.filter((upload) => upload.isActive).length;
  const next = uploads.value.filter((upload) => upload.stage.value === "waiting").slice(0, Math.max(0, room));
  for (const upload of next) queueMicrotask(() => upload.stage.value === "waiting" && void upload.run());
});

effect(() => {
  if (!isBusy.value) return undefined;
  const timer = setInterval(() => untracked(() => uploads.value.forEach((upload) => upload.tick())), 500);
  return () => clearInterval(timer);
});

addEventListener("beforeunload", (event) => {
  if (isBusy.value) event.preventDefault();
});
