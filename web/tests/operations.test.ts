import "./page";
import { expect, test, vi } from "vitest";
import { notices } from "../src/page/notices";
import { moveFolder, operations } from "../src/page/operations";
import { signIn, signOut } from "../src/page/session";

test("retries of a folder's move have the key of the first request", async () => {
  const keys: (string | undefined)[] = [];
  vi.stubGlobal("fetch", async (_path: string, { headers }: { headers: Record<string, string> }) => {
    keys.push(headers["Idempotency-Key"]);
    return Response.json({ code: "service_unavailable", detail: "Later." }, { status: 503, headers: { "Retry-After": "0" } });
  });
  await expect(moveFolder("a/", "b/")).rejects.toThrow("Later.");
  expect(keys.length).toBeGreaterThan(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(keys).size).toBe(1);
});

test("an operation is not followed after the sign-out", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("sessionStorage", { setItem: () => {}, removeItem: () => {} });
  signIn(`header.${btoa('{"sub": "owner"}')}.signature`);
  const fetched = vi.fn(async () => Response.json({ id: "1", status: "RUNNING", done: 0, total: null, failureReason: null }));
  vi.stubGlobal("fetch", fetched);
  await moveFolder("a/", "b/");
  expect(operations.value.map(({ folder }) => folder)).toEqual(["a/"]);
  signOut();
  await vi.runAllTimersAsync();
  expect(operations.value).toEqual([]);
  expect(fetched).toHaveBeenCalledTimes(1);
  expect(notices.value).toEqual([]);
});
