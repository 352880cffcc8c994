import { signal } from "@preact/signals";
import { call } from "./api";
import { isConfirmed } from "./actions";
import { refresh } from "./changes";
import { plural } from "./format";
import { notify, warn } from "./notices";
import { parentOf, segmentOf, shownFolder } from "./path";
import { messageOf } from "./problem";
import { randomKey } from "./random-key";
import { sleep } from "./retry";
import { owner } from "./session";

/** How often an operation is requested until it has ended. */
const POLL_MS = 1000;

/** An operation on a whole folder, as the API returns it. */
interface Operation {
  id: string;
  status: "PENDING" | "RUNNING" | "DONE" | "FAILED";
  done: number;
  /** Null until the files are counted. */
  total: number | null;
  failureReason: string | null;
}

/** An operation that the page follows. */
export interface Running {
  id: string;
  /** Such as "Moving photos/". */
  text: string;
  /** The folder that it changes. */
  folder: string;
  done: number;
  total: number | null;
}

export const operations = signal<readonly Running[]>([]);

const REASONS: Record<string, string> = {
  FOLDER_TOO_LONG: "The path of a folder would be too long.",
  INTERNAL: "The server failed. Its log says why.",
};

/** Moves a folder with all that is in it. Throws a Problem if the API refuses it. */
export async function moveFolder(from: string, to: string): Promise<void> {
  const operation = await begin("/folders/move", { from, to });
  void follow(operation, { folder: from, doing: `Moving ${from}`, done: (files) => `Moved ${files} to ${shownFolder(to)}.` });
}

/** Gives a folder another name. Throws an Error if the name is not valid. */
export async function renameFolder(folder: string, name: string): Promise<void> {
  if (name === segmentOf(folder)) return;
  if (name.includes("/")) throw new Error("The name of a folder has no slash. To move the folder, use Move.");
  await moveFolder(folder, `${parentOf(folder)}${name}/`);
}

/** Deletes a folder with all that is in it. Asks first, because it cannot be taken back in one step. */
export async function deleteFolder(folder: string): Promise<void> {
  if (!(await isConfirmed(`all files in ${folder}`))) return;
  try {
    const operation = await begin("/folders/delete", { folder });
    void follow(operation, { folder, doing: `Deleting ${folder}`, done: (files) => `Deleted ${files} in ${folder}.` });
  } catch (error) {
    warn(messageOf(error));
  }
}

/** Begins an operation. A repeat after a lost response must not begin another. */
function begin(path: string, body: object): Promise<Operation> {
  return call("POST", path, { body, headers: { "Idempotency-Key": randomKey() } });
}

interface Words {
  folder: string;
  doing: string;
  done: (files: string) => string;
}

/** Shows how far an operation is until it ends, and then its outcome. Another owner sees neither. */
async function follow(accepted: Operation, { folder, doing, done }: Words): Promise<void> {
  const follower = owner.value;
  let operation = accepted;
  let failure = "";
  try {
    while (operation.status === "PENDING" || operation.status === "RUNNING") {
      set({ id: operation.id, text: doing, folder, done: operation.done, total: operation.total });
      await sleep(POLL_MS);
      if (owner.value !== follower) break;
      operation = await call<Operation>("GET", `/operations/${operation.id}`);
    }
    if (operation.status === "FAILED") failure = `${doing} failed. ${REASONS[operation.failureReason ?? ""] ?? "No file has changed."}`;
  } catch (error) {
    failure = `${doing} continues, but the page cannot follow it: ${messageOf(error)}`;
  }
  operations.value = operations.value.filter((other) => other.id !== operation.id);
  if (owner.value !== follower) return;
  if (failure === "") notify(done(plural(operation.done, "file")));
  else warn(failure);
  refresh();
}

function set(operation: Running): void {
  const others = operations.value.filter((other) => other.id !== operation.id);
  operations.value = [...others, operation].sort((one, other) => (one.id < other.id ? -1 : 1));
}
