import { Problem } from "./problem";
import { sleep } from "./retry";
import { signOut, token } from "./session";

/** How often a response with Retry-After is retried. */
const MAX_RETRIES = 3;

interface Options {
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** Calls the REST API, and returns the JSON of the response. Throws as `request`. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  return (await (await request(method, path, options)).json()) as T;
}

/**
 * Calls the REST API. A 401 ends the session. A response with Retry-After, such as 429 or 503, is retried.
 *
 * Throws a Problem, or the signal's reason.
 */
export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
  for (let tries = 0; ; tries++) {
    const response = await open(method, path, options);
    if (response.ok) return response;
    const problem = await Problem.of(response);
    if (tries >= MAX_RETRIES || !response.headers.has("Retry-After")) throw problem;
    await sleep(Number(response.headers.get("Retry-After")) * 1000, options.signal);
  }
}

/** Sends one request without retries, and returns the response with any status but 401. */
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
    // The response may be for an older token, and the current one may be valid. Without a token the user is signed out.
    if (sent !== null && token.value === sent) signOut(problem.message);
    throw problem;
  }
  return response;
}
