import "./page";
import { expect, test, vi } from "vitest";
import { call } from "../src/page/api";
import { reason, signIn, signOut, token } from "../src/page/session";

vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => {}, removeItem: () => {} });

const refused = () => Response.json({ code: "unauthenticated", detail: "Expired." }, { status: 401 });

test("a refused token ends the session and says why", async () => {
  vi.stubGlobal("fetch", async () => refused());
  signIn("token");
  await expect(call("GET", "/usage")).rejects.toThrow("Expired.");
  expect([token.value, reason.value]).toEqual([null, "Expired."]);
});

test("a request after the sign-out gives no reason for it", async () => {
  vi.stubGlobal("fetch", async () => refused());
  signIn("token");
  signOut();
  await expect(call("GET", "/usage")).rejects.toThrow("Expired.");
  expect(reason.value).toBe("");
});
