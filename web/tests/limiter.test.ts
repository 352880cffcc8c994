import { expect, test } from "vitest";
import { Limiter } from "../src/page/limiter";

const never = new AbortController().signal;

/** A task that runs until it is ended. */
class Task {
  isRunning = false;
  end = (): void => undefined;

  readonly work = (): Promise<void> => {
    this.isRunning = true;
    return new Promise((resolve) => {
      this.end = () => {
        this.isRunning = false;
        resolve();
      };
    });
  };
}

/** Lets all that can go on do so. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

const running = (tasks: Task[]) => tasks.map((task) => Number(task.isRunning)).join("");

test("tasks beyond the limit run in their order, as others end", async () => {
  const limiter = new Limiter(2);
  const tasks = Array.from({ length: 4 }, () => new Task());
  const all = Promise.all(tasks.map((task) => limiter.run(never, task.work)));
  await settle();
  expect(running(tasks)).toBe("1100");
  tasks[1]!.end();
  await settle();
  expect(running(tasks)).toBe("1010");
  tasks[0]!.end();
  await settle();
  expect(running(tasks)).toBe("0011");
  tasks[2]!.end();
  tasks[3]!.end();
  await all;
});

test("a failed task frees its slot", async () => {
  const limiter = new Limiter(1);
  await expect(limiter.run(never, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await expect(limiter.run(never, () => Promise.resolve("next"))).resolves.toBe("next");
});

test("a task that is aborted in the queue does not run, and keeps no slot", async () => {
  const limiter = new Limiter(1);
  const [first, second, third] = [new Task(), new Task(), new Task()];
  const control = new AbortController();
  const one = limiter.run(never, first.work);
  const two = limiter.run(control.signal, second.work);
  const three = limiter.run(never, third.work);
  control.abort(new Error("paused"));
  await expect(two).rejects.toThrow("paused");
  first.end();
  await settle();
  expect(running([first, second, third])).toBe("001");
  third.end();
  await Promise.all([one, three]);
});

test("an aborted signal runs nothing", async () => {
  const task = new Task();
  await expect(new Limiter(1).run(AbortSignal.abort(new Error("paused")), task.work)).rejects.toThrow("paused");
  expect(task.isRunning).toBe(false);
});
