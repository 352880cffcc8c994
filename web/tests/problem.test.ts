import { expect, test } from "vitest";
import { Problem } from "../src/page/problem";

test("a problem has the API's code, message and members", async () => {
  const problem = await Problem.of(Response.json({ code: "over_quota", detail: "Full.", limit: 5 }, { status: 413 }));
  expect(problem).toMatchObject({ status: 413, code: "over_quota", message: "Full.", members: { limit: 5 } });
});

test("wrong fields are named in the message", async () => {
  const fields = { name: "is empty", size: "is negative" };
  const problem = await Problem.of(Response.json({ code: "invalid_input", detail: "Wrong.", fields }, { status: 422 }));
  expect(problem.message).toBe("name: is empty; size: is negative");
});

test("a response that is not the API's has its status in the message", async () => {
  const problem = await Problem.of(new Response("<h1>Bad Gateway</h1>", { status: 502 }));
  expect(problem).toMatchObject({ code: "unknown", isTemporary: true });
  expect(problem.message).toContain("502");
});

test.each([
  [0, true],
  [401, false],
  [409, false],
  [429, true],
  [500, true],
])("whether status %d is temporary: %s", (status, isTemporary) => {
  expect(new Problem(status, "", "").isTemporary).toBe(isTemporary);
});
