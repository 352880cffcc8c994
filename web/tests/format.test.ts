import { expect, test } from "vitest";
import { formatAge, formatDuration, formatPercent, formatSize, plural } from "../src/page/format";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [1536, "1.5 kB"],
  [9949, "9.9 kB"],
  [9950, "10 kB"],
  [999_499, "999 kB"],
  [999_500, "1 MB"],
  [5e12, "5 TB"],
  [9.9e18, "9900 PB"],
])("a size of %d bytes is %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [0, "1 s"],
  [59.4, "59 s"],
  [89, "1 min"],
  [3570, "1 h 0 min"],
  [5400, "1 h 30 min"],
  [172_800, "2 days"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test("100% means complete", () => {
  expect(formatPercent(999, 1000)).toBe("99%");
  expect(formatPercent(1000, 1000)).toBe("100%");
  expect(formatPercent(0, 0)).toBe("100%");
});

test("only one is singular", () => {
  expect([0, 1, 1200].map((count) => plural(count, "file"))).toEqual(["0 files", "1 file", "1,200 files"]);
});

test.each([
  [59, "just now"],
  [60, "1 min. ago"],
  [3599, "59 min. ago"],
  [7200, "2 hr. ago"],
  [86_400, "yesterday"],
  [31 * 86_400, "Dec 1, 2025"],
])("%d seconds ago is %s", (seconds, text) => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  expect(formatAge(new Date(now - 1000 * seconds).toISOString(), now)).toBe(text);
});
