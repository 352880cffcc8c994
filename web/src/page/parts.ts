import { call } from "./api";
import { toStore } from "./lanes";
import { Problem } from "./problem";
import { retrying } from "./retry";
import { send, SendError, type SignedRequest } from "./send";

/** How a file is cut: parts are numbered from 1, and the last may be shorter. */
export interface PartPlan {
  partSize: number;
  partCount: number;
}

/** Parts of one file that are sent at once. */
const AT_ONCE = 3;

interface Arrived extends PartPlan {
  parts: { partNumber: number; size: number }[];
}

/** The plan of an upload, and the parts of it that the store holds whole. */
export async function arrivedParts(id: string, size: number, signal?: AbortSignal): Promise<[PartPlan, Set<number>]> {
  const told = await call<Arrived>("GET", `/files/${id}/parts`, { ...(signal && { signal }) });
  const whole = told.parts.filter((part) => part.size === lengthOf(told, size, part.partNumber));
  return [told, new Set(whole.map((part) => part.partNumber))];
}

export function lengthOf({ partSize }: PartPlan, size: number, number: number): number {
  return Math.min(partSize, size - (number - 1) * partSize);
}

/** How many bytes the parts have together. */
export function bytesOf(plan: PartPlan, size: number, numbers: Iterable<number>): number {
  let bytes = 0;
  for (const number of numbers) bytes += lengthOf(plan, size, number);
  return bytes;
}

/**
 * Sends all parts that have not `arrived`, and adds those that have. `onProgress` is told the bytes of the
 * parts that are on their way.
 *
 * Rejects with the first error that no repeat mends, or with what the signal was aborted with.
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
  const told = () => onProgress([...underway.values()].reduce((sum, bytes) => sum + bytes, 0));
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
          told();
        }, stopped);
        arrived.add(number);
      } finally {
        underway.delete(number);
        told();
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
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
  // Each try with a URL of its own: one that has expired, or was asked for by an earlier part, is no reason to fail.
  const attempt = () =>
    toStore.run(signal, async () => {
      onProgress(0);
      const answer = await call<{ parts: SignedRequest[] }>("POST", `/files/${id}/parts`, {
        body: { partNumbers: [number] },
        signal,
      });
      await send(answer.parts[0]!, bytes, onProgress, signal);
    });
  await retrying(attempt, { isPassing, signal });
}

/** Whether sending again may help: with a fresh URL it does, whatever the store had against the old one. */
export function isPassing(error: unknown): boolean {
  return error instanceof SendError || (error instanceof Problem && error.isPassing);
}
