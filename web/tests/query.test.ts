import { beforeEach, expect, test, vi } from "vitest";
import type { StoredFile } from "../src/page/file";
import { EVERYTHING, folderQuery, isMatch, parametersOf, query, readUrl, setQuery, urlOf } from "../src/page/query";

const pushState = vi.fn();
const replaceState = vi.fn();

beforeEach(() => {
  vi.stubGlobal("history", { pushState, replaceState });
  pushState.mockClear();
  query.value = EVERYTHING;
});

const fileOf = (name: string, folder = "", contentType = "text/plain") =>
  ({ name, folder, contentType, status: "COMPLETED" }) as StoredFile;

test("a URL holds what differs from the defaults, and gives the same query again", () => {
  expect(urlOf(EVERYTHING)).toBe("/");
  const wanted = { ...EVERYTHING, folder: "photos/sea & sun/", q: "é", sort: "name", order: "asc" } as const;
  const url = urlOf(wanted);
  expect(url).toBe("/?folder=photos/sea+%26+sun/&q=%C3%A9&sort=name&order=asc");
  vi.stubGlobal("location", { search: url.slice(1) });
  expect(readUrl()).toBe(true);
  expect(query.value).toEqual(wanted);
  expect(readUrl()).toBe(false);
});

test("values of a URL that are not valid have their defaults", () => {
  vi.stubGlobal("location", { search: "?folder=/photos&status=LOST&sort=colour&order=up" });
  readUrl();
  expect(query.value).toEqual({ ...EVERYTHING, folder: "photos/" });
});

test("another folder is a step of the history, and a filter is none", () => {
  setQuery({ ...EVERYTHING, q: "a" });
  expect(pushState).not.toHaveBeenCalled();
  setQuery(folderQuery("photos/"));
  expect(pushState).toHaveBeenCalledWith(null, "", "/?folder=photos/");
});

test.each([
  [{}, { folder: "" }],
  [{ folder: "a/" }, { folder: "a/" }],
  [{ folder: "a/", q: "x" }, { folder: "a/", recursive: "true", q: "x" }],
  [{ q: "x" }, { q: "x" }],
  [{ deleted: true, q: "x" }, { deleted: "true", q: "x" }],
])("the list %j asks the API for %j", (changes, parameters) => {
  const order = { sort: "createdAt", order: "desc" };
  expect(parametersOf({ ...EVERYTHING, ...changes })).toEqual({ ...order, ...parameters });
});

test.each([
  [{}, fileOf("a"), true],
  [{}, fileOf("a", "photos/"), false],
  [{ folder: "photos/" }, fileOf("a", "photos/2026/"), false],
  [{ folder: "photos/", q: "A" }, fileOf("cat", "photos/2026/"), true],
  [{ q: "RE\u0301SUME\u0301" }, fileOf("old résumé.pdf"), true],
  [{ q: "strasse" }, fileOf("Straße"), true],
  [{ contentType: "image/*" }, fileOf("a", "", "IMAGE/PNG"), true],
  [{ contentType: "text/plain" }, fileOf("a", "", "text/plain; charset=utf-8"), true],
  [{ status: "FAILED" as const }, fileOf("a"), false],
])("the list %j has %j: %j", (changes, file, isListed) => {
  expect(isMatch(file, { ...EVERYTHING, ...changes })).toBe(isListed);
});
