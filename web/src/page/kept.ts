/** What is kept of an unfinished upload, so that it can go on after a reload. Never a token or a URL. */
export interface Kept {
  id: string;
  owner: string;
  name: string;
  size: number;
  lastModified: number;
  isMultipart: boolean;
  /** Whether a person has paused it, so that it is for a person to go on. */
  isPaused: boolean;
  /** The file itself, where the browser lets a page keep hold of it. */
  handle: FileSystemFileHandle | null;
}

const STORE = "uploads";

/** Milliseconds that another tab gets to let an upload go. */
const PATIENCE = 1000;

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("waybill", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function transact<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await database()).transaction(STORE, mode);
  const request = ask(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

// A browser may refuse to keep anything, in a private window for one: uploads work, but end with the page.
const orElse =
  <T>(nothing: T) =>
  (error: unknown): T => {
    console.warn("Nothing is kept of unfinished uploads:", error);
    return nothing;
  };

export async function keep(upload: Kept): Promise<void> {
  await transact("readwrite", (store) => store.put(upload)).catch(orElse<unknown>(null));
}

export async function forget(id: string): Promise<void> {
  await transact("readwrite", (store) => store.delete(id)).catch(orElse<unknown>(null));
}

/** All that is kept for an owner, of uploads that no other tab is busy with. */
export async function kept(owner: string): Promise<Kept[]> {
  const all = await transact<Kept[]>("readonly", (store) => store.getAll()).catch(orElse<Kept[]>([]));
  const own = all.filter((upload) => upload.owner === owner);
  const busy = await Promise.all(own.map((upload) => isClaimed(upload.id)));
  return own.filter((_, place) => !busy[place]);
}

// Browsers have locks on secure origins only. Elsewhere two tabs may offer the same upload, and send it twice.

/** Keeps other tabs from taking an upload over, until the signal is aborted or the page is gone. */
export function claim(id: string, signal: AbortSignal): void {
  void navigator.locks?.request(
    lockOf(id),
    () => new Promise<void>((release) => signal.addEventListener("abort", () => release(), { once: true })),
  );
}

async function isClaimed(id: string): Promise<boolean> {
  // With some patience, for the page that was just left may not have let go yet.
  const waiting = { signal: AbortSignal.timeout(PATIENCE) };
  return (await navigator.locks?.request(lockOf(id), waiting, () => false).catch(() => true)) ?? false;
}

const lockOf = (id: string) => `waybill-upload-${id}`;
