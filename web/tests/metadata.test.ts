import { expect, test } from "vitest";
import { metadataChanges, metadataOf, newPair, sameMetadata } from "../src/page/metadata";

test("a change names new and changed pairs, and null for those that are removed", () => {
  const before = { album: "summer", draft: "yes", kept: "1" };
  expect(metadataChanges(before, { album: "winter", kept: "1", new: "2" })).toEqual({ draft: null, album: "winter", new: "2" });
  expect(metadataChanges(before, { ...before })).toEqual({});
});

test("a key that every object has is a pair like any other", () => {
  expect(metadataChanges({ constructor: "a" }, {})).toEqual({ constructor: null });
  expect(metadataChanges({}, { constructor: "a" })).toEqual({ constructor: "a" });
});

test("the order of pairs makes no difference", () => {
  expect(sameMetadata({ a: "1", b: "2" }, { b: "2", a: "1" })).toBe(true);
  expect(sameMetadata({ a: "1" }, { a: "1", b: "" })).toBe(false);
});

test("rows without a key and a value do not count", () => {
  expect(metadataOf([newPair("a", "1"), newPair(), newPair("b", "")])).toEqual({ a: "1", b: "" });
});

test("a key can be there only once", () => {
  expect(() => metadataOf([newPair("a", "1"), newPair("a", "2")])).toThrow("The key a is there twice.");
});
