import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { retrying, sleep, waitBeforeRetry } from "../src/page/retry";

const never = new AbortController().signal;
const always = () => true;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Fails so many times. Then returns how many times it failed. */
const failing = (times: number) => (failures: number) =>
  failures < times ? Promise.reject(new Error(`failure ${failures + 1}`)) : Promise.resolve(failures);

test("temporary errors are tried again", async () => {
  const result = retrying(failing(3), { isTemporary: always, signal: never });
  await vi.runAllTimersAsync();
  await expect(result).resolves.toBe(3);
});

test("a permanent error is thrown at once", async () => {
  const result = retrying(failing(3), { isTemporary: () => false, signal: never });
  await expect(result).rejects.toThrow("failure 1");
});

test("the last error is thrown when the tries are used up", async () => {
  const result = expect(retrying(failing(9), { isTemporary: always, signal: never, tries: 4 })).rejects.toThrow("failure 4");
  await vi.runAllTimersAsync();
  await result;
});

test("an abort ends the pause, with the signal's reason", async () => {
  const control = new AbortController();
  const result = expect(retrying(failing(1), { isTemporary: always, signal: control.signal })).rejects.toThrow("paused");
  await vi.advanceTimersByTimeAsync(0);
  control.abort(new Error("paused"));
  await result;
  expect(vi.getTimerCount()).toBe(0);
});

test("an error that the abort caused is not tried again", async () => {
  const control = new AbortController();
  const attempt = vi.fn(() => {
    control.abort(new Error("paused"));
    return Promise.reject(new Error("broken"));
  });
  await expect(retrying(attempt, { isTemporary: always, signal: control.signal })).rejects.toThrow("paused");
  expect(attempt).toHaveBeenCalledOnce();
});

test.each([
  [1, 500],
  [2, 1000],
  [6, 16_000],
  [7, 30_000],
  [20, 30_000],
])("the pause after failure %d is at most %d ms, and at least half of that", async (failures, longest) => {
  for (const random of [0, 1]) {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const before = Date.now();
    const waited = waitBeforeRetry(failures, never);
    await vi.runAllTimersAsync();
    await waited;
    expect(Date.now() - before).toBe(longest * (random === 0 ? 0.5 : 1));
  }
});

test("offline, a retry waits for the network first", async () => {
  vi.stubGlobal("navigator", { onLine: false });
  const back = vi.fn();
  const waited = waitBeforeRetry(1, never).then(back);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(back).not.toHaveBeenCalled();
  vi.stubGlobal("navigator", { onLine: true });
  dispatchEvent(new Event("online"));
  await vi.runAllTimersAsync();
  await waited;
});

test("a sleep leaves no listener on its signal", async () => {
  const { signal } = new AbortController();
  const removed = vi.spyOn(signal, "removeEventListener");
  const slept = sleep(10, signal);
  await vi.runAllTimersAsync();
  await slept;
  expect(removed).toHaveBeenCalledWith("abort", expect.any(Function));
});
