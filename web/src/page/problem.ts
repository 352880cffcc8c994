/** An answer that is an error, or none: `code` is the API's, or `unreachable`. The message is for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly members: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whether it may pass by itself. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static unreachable(): Problem {
    return new Problem(0, "unreachable", "Waybill cannot be reached. Check your connection; it is tried again.");
  }

  static async of(response: Response): Promise<Problem> {
    const text = await response.text();
    try {
      const { code, detail, ...members } = JSON.parse(text);
      const fields = Object.entries((members.fields ?? {}) as Record<string, string>);
      const message = fields.map(([name, wrong]) => `${name}: ${wrong}`).join("; ") || detail;
      return new Problem(response.status, code, message, members);
    } catch {
      // A proxy's own words, most likely.
      return new Problem(response.status, "unknown", `The server answered ${response.status}. Try again later.`);
    }
  }
}

/** What to tell a person of whatever was thrown. */
export function tell(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
