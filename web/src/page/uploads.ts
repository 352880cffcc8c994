import { computed, effect, signal, untracked } from "@preact/signals";
import { call } from "./api";
import { failureOf, getFile, STATUSES, type StoredFile } from "./file";
import { Transfer } from "./transfer";
import { forget, listResumable, type ResumableUpload } from "./resume-store";
import { announceToScreenReader } from "./notices";
import { arrivedParts } from "./parts";
import type { PickedFile } from "./file-picker";
import { Problem } from "./problem";
import { query } from "./query";
import { owner } from "./session";
import { Upload } from "./upload";

/** How many files are read or sent at the same time. More would only share the bandwidth. */
const MAX_PARALLEL = 3;

export const uploads = signal<readonly Upload[]>([]);

const open = computed(() => uploads.value.filter((upload) => !upload.isFinished));

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** The key of the first upload of the current group: those added since no upload was running. */
const first = signal(0);

/**
 * The progress of the current group. `count` is the number of unfinished uploads, `left` the seconds until those
 * that are running or waiting end.
 */
export const overall = computed(() => {
  const counted = uploads.value.filter(
    (upload) => upload.stage.value !== "failed" && (!upload.isFinished || upload.key >= first.value),
  );
  const moving = counted.filter((upload) => upload.isActive || upload.stage.value === "waiting");
  const count = counted.filter((upload) => !upload.isFinished).length;
  const size = sum(counted.map((upload) => upload.size));
  const done = sum(counted.map((upload) => upload.sent));
  const speed = sum(moving.map((upload) => upload.speed.value));
  const left = sum(moving.map((upload) => upload.size - upload.sent)) / speed;
  return { count, size, done, speed, left };
});

/** Whether an upload is running or waiting. */
export const isBusy = computed(() => uploads.value.some((upload) => upload.isActive || upload.stage.value === "waiting"));
export const canResume = computed(() => open.value.some((upload) => upload.stage.value === "paused"));
export const canClear = computed(() => uploads.value.some((upload) => upload.stage.value === "done"));

/** Adds files to the queue, for the open folder. The file of an interrupted upload resumes that upload. */
export function add(picked: readonly PickedFile[]): void {
  const added: Upload[] = [];
  for (const each of picked) {
    const interrupted = uploads.value.find((upload) => upload.stage.value === "interrupted" && upload.matches(each));
    if (interrupted) interrupted.provide(each.file);
    else added.push(Upload.of(each, query.value.folder));
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

/** Removes finished uploads from the list. */
export function clear(): void {
  remove((upload) => upload.stage.value === "done");
}

function remove(isRemoved: (upload: Upload) => boolean): void {
  uploads.value = uploads.value.filter((upload) => !isRemoved(upload));
}

/** Updates the upload of a file, if there is one. */
export function update(file: StoredFile): void {
  const upload = uploads.value.find((each) => each.stored.value?.id === file.id);
  if (upload === undefined) return;
  const before = upload.stage.value;
  upload.update(file);
  if (before === "verifying" && upload.stage.value === "done") {
    const why = file.status === "FAILED" ? ` ${failureOf(file)}` : "";
    announceToScreenReader(`${file.name}: ${STATUSES[file.status]}.${why}`);
  }
}

/** Requests the files in verification again, because events may be missing. */
export async function refreshVerifying(): Promise<void> {
  const verifying = uploads.value.filter((upload) => upload.stage.value === "verifying");
  await Promise.allSettled(verifying.map(async (upload) => update(await getFile(upload.stored.value!.id))));
}

/** Lists uploads that a reload interrupted. Completes sent ones, and resumes those whose file is available. */
export async function restoreInterrupted(): Promise<void> {
  const known = new Set(uploads.value.map((upload) => upload.stored.value?.id));
  for (const each of await listResumable(owner.value)) {
    if (known.has(each.id)) continue;
    const upload = await interrupted(each).catch(() => null);
    if (upload === null) continue;
    uploads.value = [...uploads.value, upload];
    if (upload.handle === null || !(await isReadable(upload.handle, "query"))) continue;
    await provideFrom(upload, upload.handle, each.isPaused ? "paused" : "waiting");
  }
}

/** Resumes an interrupted upload from its file handle. Returns whether it succeeded. */
export async function resumeFromHandle(upload: Upload): Promise<boolean> {
  const { handle } = upload;
  return handle !== null && (await isReadable(handle, "request")) && (await provideFrom(upload, handle));
}

async function interrupted(upload: ResumableUpload): Promise<Upload | null> {
  try {
    // If all bytes were sent before the reload, only the completion is missing.
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
  return Upload.from(upload, stored, new Transfer(upload.id, upload.size, null, plan, arrived));
}

async function isReadable(handle: FileSystemFileHandle, how: "query" | "request"): Promise<boolean> {
  // Not in the standard yet. Only Chromium has handles that survive a reload.
  const source = handle as unknown as Record<string, (mode: object) => Promise<PermissionState>>;
  return (await source[`${how}Permission`]?.({ mode: "read" })) === "granted";
}

async function provideFrom(
  upload: Upload,
  handle: FileSystemFileHandle,
  stage?: "waiting" | "paused",
): Promise<boolean> {
  const file = await handle.getFile().catch(() => null);
  if (file === null || !upload.matches({ file, path: "", handle })) return false;
  upload.provide(file, stage);
  return true;
}

// Start the next uploads of the queue when there are free slots.
effect(() => {
  const slots = MAX_PARALLEL - uploads.value.filter((upload) => upload.isActive).length;
  const next = uploads.value.filter((upload) => upload.stage.value === "waiting").slice(0, Math.max(0, slots));
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
