import { expect, test } from "vitest";
import { folderOf, foldersTo, parentOf, segmentOf } from "../src/page/path";

test("the folders on the way to a folder begin with the outermost", () => {
  expect(foldersTo("")).toEqual([]);
  expect(foldersTo("photos/2026/")).toEqual(["photos/", "photos/2026/"]);
});

test.each([
  ["", "", ""],
  ["photos/", "", "photos"],
  ["photos/2026/", "photos/", "2026"],
])("the folder %j is in %j and is named %j", (folder, parent, segment) => {
  expect(parentOf(folder)).toBe(parent);
  expect(segmentOf(folder)).toBe(segment);
});

test("a file is in the folder before its last slash", () => {
  expect(parentOf("photos/2026/a.jpg")).toBe("photos/2026/");
  expect(parentOf("a.jpg")).toBe("");
});

test.each([
  ["", ""],
  ["/", ""],
  [" photos ", "photos/"],
  ["/photos/2026", "photos/2026/"],
  ["a//b/", "a//b/"],
])("%j means the folder %j", (typed, folder) => {
  expect(folderOf(typed)).toBe(folder);
});
