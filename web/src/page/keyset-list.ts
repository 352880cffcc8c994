import { signal } from "@preact/signals";
import { call } from "./api";
import { messageOf } from "./problem";

/** A list of the API that is loaded by keyset cursors, as many items at a time as a page shows. */
export class KeysetList<T> {
  readonly items = signal<readonly T[]>([]);
  readonly hasMore = signal(false);
  readonly isLoading = signal(true);
  readonly failure = signal("");

  private cursor: string | null = null;
  private control = new AbortController();

  /**
   * `address` returns the path and the parameters of the list now, or null for an empty list. `keyOf` returns
   * the key of an item.
   */
  constructor(
    private readonly address: () => { path: string; parameters: Record<string, string> } | null,
    private readonly keyOf: (item: T) => string,
    private readonly pageSize = 50,
  ) {}

  /** Removes all items, and cancels a request that is underway. */
  clear(): void {
    this.control.abort();
    this.items.value = [];
    this.hasMore.value = false;
  }

  /** Loads the list again from the first page. */
  reload(): Promise<boolean> {
    this.cursor = null;
    return this.load();
  }

  /** Loads the next page. Returns how many items there are more, or null if it failed. */
  async more(): Promise<number | null> {
    const before = this.items.value.length;
    return (await this.load()) ? this.items.value.length - before : null;
  }

  /** Loads as many items again as there are, and then shows them at once. */
  refresh(): Promise<boolean> {
    this.cursor = null;
    return this.load(Math.max(this.pageSize, this.items.value.length), true);
  }

  /**
   * Requests pages until enough items have arrived, or the list ends, because a page of the server may be short or
   * empty and not the last. Returns whether it succeeded. A later call cancels an earlier one.
   */
  private async load(wanted = this.pageSize, isAtOnce = false): Promise<boolean> {
    this.control.abort();
    this.control = new AbortController();
    const { signal } = this.control;
    this.isLoading.value = true;
    this.failure.value = "";
    try {
      let found: T[] = [];
      let isFirst = this.cursor === null;
      do {
        const page = await this.request(signal);
        signal.throwIfAborted();
        this.cursor = page.nextCursor;
        this.hasMore.value = this.cursor !== null;
        found = [...found, ...page.items];
        if (isAtOnce && this.cursor !== null && found.length < wanted) continue;
        this.show(isAtOnce ? found : page.items, isFirst);
        isFirst = false;
      } while (this.cursor !== null && found.length < wanted);
    } catch (error) {
      if (signal.aborted) return false;
      this.failure.value = messageOf(error);
    }
    this.isLoading.value = false;
    return this.failure.value === "";
  }

  private async request(signal: AbortSignal): Promise<{ items: T[]; nextCursor: string | null }> {
    const address = this.address();
    if (address === null) return { items: [], nextCursor: null };
    const limit = String(this.pageSize);
    const parameters = new URLSearchParams({ ...address.parameters, limit, ...(this.cursor && { cursor: this.cursor }) });
    return call("GET", `${address.path}?${parameters}`, { signal });
  }

  private show(page: readonly T[], isFirst: boolean): void {
    const before = isFirst ? [] : this.items.value;
    // An event may have added an item already.
    const known = new Set(before.map(this.keyOf));
    this.items.value = [...before, ...page.filter((item) => !known.has(this.keyOf(item)))];
  }
}
