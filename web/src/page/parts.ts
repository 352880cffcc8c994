import { call } from "./api";
import { storeLimiter } from "./limiter";
import { Problem } from "./problem";
import { retrying } from "./retry";
import { send, SendError, type SignedRequest } from "./send";

/** The part plan of a file. Parts are numbered from 1, and the last may be shorter. */
export interface PartPlan {
  partSize: number;
  partCount: number;
}

/** How many parts of a file are sent at the same time. */
const MAX_PARALLEL = 3;

interface Arrived extends PartPlan {
  parts: { partNumber: number; size: number }[];
}

/** Returns the part plan of an upload, and the numbers of the complete parts in the store. */
export async function arrivedParts(id: string, size: number, signal?: AbortSignal): Promise<[PartPlan, Set<number>]> {
  const progress = await call<Arrived>("GET", `/files/${id}/parts`, { ...(signal && { signal }) });
  const complete = progress.parts.filter((part) => part.size === lengthOf(progress, size, part.partNumber));
  return [progress, new Set(complete.map((part) => part.partNumber))];
}

export function lengthOf({ partSize }: PartPlan, size: number, number: number): number {
  return Math.min(partSize, size - (number - 1) * partSize);
}

/** Returns the total bytes of some parts. */
export function bytesOf(plan: PartPlan, size: number, numbers: Iterable<number>): number {
  let bytes = 0;
  for (const number of numbers) bytes += lengthOf(plan, size, number);
  return bytes;
}

/**
 * Sends all parts that are not in `arrived`, and adds them to it. `onProgress` receives the bytes of the parts that
 * are in transfer.
 *
 * Rejects with the first permanent error, or with the signal's reason.
 */
export async function sendParts(
  id: string,
  file: File,
  plan: PartPlan,
  arrived: Set<number>,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const stopped = AbortSignal.any([signal, failed.signal]);
  const underway = new Map<number, number>();
  const report = () => onProgress([...underway.values()].reduce((sum, bytes) => sum + bytes, 0));
  let next = 1;

  async function sendSome(): Promise<void> {
    while (next <= plan.partCount) {
      const number = next++;
      if (arrived.has(number)) continue;
      const start = (number - 1) * plan.partSize;
      const bytes = file.slice(start, start + lengthOf(plan, file.size, number));
      try {
        await sendPart(id, number, bytes, (sent) => {
          underway.set(number, sent);
          report();
        }, stopped);
        arrived.add(number);
      } finally {
        underway.delete(number);
        report();
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: MAX_PARALLEL }, sendSome));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}

async function sendPart(
  id: string,
  number: number,
  bytes: Blob,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  // A new URL for each try, because the URL of an earlier try may have expired.
  const attempt = () =>
    storeLimiter.run(signal, async () => {
      onProgress(0);
      const answer = await call<{ parts: SignedRequest[] }>("POST", `/files/${id}/parts`, {
        body: { partNumbers: [number] },
        signal,
      });
      await send(answer.parts[0]!, bytes, onProgress, signal);
    });
  await retrying(attempt, { isTemporary, signal });
}

/** Returns whether a retry may succeed. With a new URL, it may succeed after most errors of the store. */
export function isTemporary(error: unknown): boolean {
  return (error instanceof SendError && !error.isUploadGone) || (error instanceof Problem && error.isTemporary);
}
