// Hashes files in a worker, so that the page stays responsive. Each task has a number.
import { createSHA256 } from "hash-wasm";

export type Task = { number: number; file: Blob } | { number: number; file: null };
export type Report =
  | { number: number; read: number }
  | { number: number; sha256: string }
  | { number: number; error: unknown };

/** Bytes per read: large enough that the number of reads does not slow it down. */
const PIECE_BYTES = 4 * 1024 ** 2;

const active = new Set<number>();

addEventListener("message", ({ data }: MessageEvent<Task>) => {
  if (data.file === null) {
    active.delete(data.number);
    return;
  }
  active.add(data.number);
  void hash(data.number, data.file);
});

async function hash(number: number, file: Blob): Promise<void> {
  try {
    const sha256 = (await createSHA256()).init();
    for (let read = 0; read < file.size; ) {
      const piece = await file.slice(read, read + PIECE_BYTES).arrayBuffer();
      if (!active.has(number)) return;
      sha256.update(new Uint8Array(piece));
      read += piece.byteLength;
      report({ number, read });
    }
    report({ number, sha256: sha256.digest("hex") });
  } catch (error) {
    report({ number, error });
  }
  active.delete(number);
}

function report(message: Report): void {
  postMessage(message);
}
