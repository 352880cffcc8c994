/** An error response, or `unreachable` if there is no response. `code` is the API's. The message is for users. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly members: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whether a retry may succeed. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static unreachable(): Problem {
    return new Problem(0, "unreachable", "Waybill cannot be reached. Check your connection. The page retries.");
  }

  static async of(response: Response): Promise<Problem> {
    const text = await response.text();
    try {
      const { code, detail, ...members } = JSON.parse(text);
      const fields = Object.entries((members.fields ?? {}) as Record<string, string>);
      const message = fields.map(([name, wrong]) => `${name}: ${wrong}`).join("; ") || detail;
      return new Problem(response.status, code, message, members);
    } catch {
      // Most likely the response of a proxy.
      return new Problem(response.status, "unknown", `The server answered ${response.status}. Try again later.`);
    }
  }
}

/** Returns the message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
