import { signal } from "@preact/signals";
import { createParser } from "eventsource-parser";
import { open } from "./api";
import type { StoredFile } from "./file";
import { Problem } from "./problem";
import { breathe } from "./retry";

/** Milliseconds of silence after which a connection counts as dead: the server says something every 15 s. */
const SILENCE = 40_000;

export interface Listener {
  /** A file has changed. */
  onFile: (file: StoredFile) => void;
  /** From here on nothing is missed, but something before may have been. */
  onStart: () => void;
}

/** Whether changes are told as they happen. */
export const line = signal<"connecting" | "live" | "reconnecting">("connecting");

/**
 * Tells what happens to the caller's files, until the signal is aborted or the token is no longer good.
 *
 * By `fetch`, for an EventSource sends no token. What happened while the connection was away is told after it.
 */
export async function listen(listener: Listener, signal: AbortSignal): Promise<void> {
  let lastId = "";
  for (let failures = 0; !signal.aborted; ) {
    const ended = new AbortController();
    try {
      await follow(AbortSignal.any([signal, ended.signal]));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return;
    } finally {
      ended.abort();
      line.value = "reconnecting";
    }
    failures += 1;
    await breathe(failures, signal).catch(() => null);

    async function follow(stop: AbortSignal): Promise<void> {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await open("GET", "/files/events", { headers, signal: stop });
      if (!response.ok) throw await Problem.of(response);
      const parser = createParser({
        onEvent: ({ event, id, data }) => {
          // A `position` is nothing but this: where to go on from.
          if (id) lastId = id;
          if (event === "file") listener.onFile(JSON.parse(data));
          if (event === "reset") listener.onStart();
        },
      });
      line.value = "live";
      if (!lastId) listener.onStart();
      // Else it would be noticed by its silence alone.
      addEventListener("offline", () => ended.abort(), { signal: stop });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const silence = setTimeout(() => ended.abort(), SILENCE);
        const { done, value } = await reader.read().finally(() => clearTimeout(silence));
        if (done) return;
        failures = 0;
        parser.feed(value);
      }
    }
  }
}
