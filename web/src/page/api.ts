import { Problem } from "./problem";
import { sleep } from "./retry";
import { signOut, token } from "./session";

/** How often an answer that asks for patience is waited for. */
const PATIENCE = 3;

interface Options {
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/**
 * Calls the REST API. A 401 ends the session; a 429 or 503 is repeated after the time that it tells.
 *
 * Throws a Problem, or what the signal was aborted with.
 */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  for (let tries = 0; ; tries++) {
    const response = await open(method, path, options);
    if (response.ok) return (await response.json()) as T;
    const problem = await Problem.of(response);
    if (tries >= PATIENCE || !response.headers.has("Retry-After")) throw problem;
    await sleep(Number(response.headers.get("Retry-After")) * 1000, options.signal);
  }
}

/** As `call`, for one try: the response itself, whatever its status. */
export async function open(method: string, path: string, options: Options = {}): Promise<Response> {
  const sent = token.value;
  const headers: Record<string, string> = { Authorization: `Bearer ${sent}`, ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch {
    options.signal?.throwIfAborted();
    throw Problem.unreachable();
  }
  if (response.status === 401) {
    const problem = await Problem.of(response);
    // An answer to an older token says nothing of the one that is there now.
    if (token.value === sent) signOut(problem.message);
    throw problem;
  }
  return response;
}
