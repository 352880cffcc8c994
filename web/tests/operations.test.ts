import "./page";
import { expect, test, vi } from "vitest";
import { moveFolder } from "../src/page/operations";

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
