/** An unfinished upload, stored so that it can be resumed after a reload. It never contains a token or a URL. */
export interface ResumableUpload {
  id: string;
  owner: string;
  name: string;
  size: number;
  lastModified: number;
  isMultipart: boolean;
  /** Whether the user has paused it, so that only the user resumes it. */
  isPaused: boolean;
  /** The file itself, if the browser supports handles. */
  handle: FileSystemFileHandle | null;
}

const STORE = "uploads";

/** How long to wait until another tab releases an upload. */
const LOCK_TIMEOUT_MS = 1000;

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

// A browser may refuse to store data, for example in a private window. Uploads then work, but cannot be resumed.
const orElse =
  <T>(nothing: T) =>
  (error: unknown): T => {
    console.warn("unfinished uploads cannot be stored for resuming:", error);
    return nothing;
  };

export async function save(upload: ResumableUpload): Promise<void> {
  await transact("readwrite", (store) => store.put(upload)).catch(orElse<unknown>(null));
}

export async function forget(id: string): Promise<void> {
  await transact("readwrite", (store) => store.delete(id)).catch(orElse<unknown>(null));
}

/** Returns the stored uploads of an owner that no other tab is running. */
export async function listResumable(owner: string): Promise<ResumableUpload[]> {
  const all = await transact<ResumableUpload[]>("readonly", (store) => store.getAll()).catch(orElse<ResumableUpload[]>([]));
  const own = all.filter((upload) => upload.owner === owner);
  const busy = await Promise.all(own.map((upload) => isClaimed(upload.id)));
  return own.filter((_, place) => !busy[place]);
}

// Browsers have locks only on secure origins. On others, two tabs may send the same upload.

/** Locks an upload for this tab, until the signal is aborted or the page is closed. */
export function claim(id: string, signal: AbortSignal): void {
  void navigator.locks?.request(
    lockOf(id),
    () => new Promise<void>((release) => signal.addEventListener("abort", () => release(), { once: true })),
  );
}

async function isClaimed(id: string): Promise<boolean> {
  // Wait a moment, because the previous page may not have released its lock yet.
  const waiting = { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) };
  return (await navigator.locks?.request(lockOf(id), waiting, () => false).catch(() => true)) ?? false;
}

const lockOf = (id: string) => `waybill-upload-${id}`;
