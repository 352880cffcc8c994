// Hashes files beside the page, which stays free. Work is told apart by its number.
import { createSHA256 } from "hash-wasm";

export type Task = { number: number; file: Blob } | { number: number; file: null };
export type Report =
  | { number: number; read: number }
  | { number: number; sha256: string }
  | { number: number; error: unknown };

/** Bytes read at once: enough that reading is not slowed by asking. */
const PIECE = 4 * 1024 ** 2;

const given = new Set<number>();

addEventListener("message", ({ data }: MessageEvent<Task>) => {
  if (data.file === null) {
    given.delete(data.number);
    return;
  }
  given.add(data.number);
  void hash(data.number, data.file);
});

async function hash(number: number, file: Blob): Promise<void> {
  try {
    const sha256 = (await createSHA256()).init();
    for (let read = 0; read < file.size; ) {
      const piece = await file.slice(read, read + PIECE).arrayBuffer();
      if (!given.has(number)) return;
      sha256.update(new Uint8Array(piece));
      read += piece.byteLength;
      report({ number, read });
    }
    report({ number, sha256: sha256.digest("hex") });
  } catch (error) {
    report({ number, error });
  }
  given.delete(number);
}

function report(said: Report): void {
  postMessage(said);
}
