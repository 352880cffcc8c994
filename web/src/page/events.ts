import { signal } from "@preact/signals";
import { createParser } from "eventsource-parser";
import { open } from "./api";
import type { StoredFile } from "./file";
import { Problem } from "./problem";
import { waitBeforeRetry } from "./retry";

/** A connection that is silent for this long is broken, because the server sends a comment every 15 s. */
const SILENCE_MS = 40_000;

export interface Listener {
  /** A file has changed. */
  onFile: (file: StoredFile) => void;
  /** The stream has started. Earlier changes may be missing. */
  onStart: () => void;
}

/** The state of the event stream. */
export const line = signal<"connecting" | "live" | "reconnecting">("connecting");

/**
 * Passes changes of the owner's files to a listener, until the signal is aborted or the token is no longer valid.
 *
 * It uses `fetch`, because an EventSource cannot send a token. After a broken connection, missed changes follow.
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
    await waitBeforeRetry(failures, signal).catch(() => null);

    async function follow(stop: AbortSignal): Promise<void> {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await open("GET", "/files/events", { headers, signal: stop });
      if (!response.ok) throw await Problem.of(response);
      const parser = createParser({
        onEvent: ({ event, id, data }) => {
          // A `position` event has only an id, from which to continue.
          if (id) lastId = id;
          if (event === "file") listener.onFile(JSON.parse(data));
          if (event === "reset") listener.onStart();
        },
      });
      line.value = "live";
      if (!lastId) listener.onStart();
      // Without this, only the silence would end the connection.
      addEventListener("offline", () => ended.abort(), { signal: stop });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const silence = setTimeout(() => ended.abort(), SILENCE_MS);
        const { done, value } = await reader.read().finally(() => clearTimeout(silence));
        if (done) return;
        failures = 0;
        parser.feed(value);
      }
    }
  }
}
