import { expect, test } from "vitest";
import { growthOf, sharesOf } from "../src/page/chart";

const TODAY = new Date("2026-01-10T23:59:59Z");

test("nothing stored has no growth", () => {
  expect(growthOf([], TODAY)).toBeNull();
});

test("a single day is a step in a chart of a week", () => {
  const growth = growthOf([{ date: "2026-01-10", size: 5, files: 1 }], TODAY);
  expect(growth).toEqual({ line: "0,100 85.71,100.00 85.71,0.00 100,0.00", first: "2026-01-04", total: 5 });
});

test("each day adds to those before", () => {
  const days = [
    { date: "2026-01-01", size: 30, files: 1 },
    { date: "2026-01-06", size: 10, files: 1 },
  ];
  expect(growthOf(days, TODAY)).toEqual({
    line: "0,100 0.00,100.00 0.00,25.00 50.00,25.00 50.00,0.00 100,0.00",
    first: "2026-01-01",
    total: 40,
  });
});

test("empty files leave the line at the bottom", () => {
  expect(growthOf([{ date: "2026-01-10", size: 0, files: 2 }], TODAY)?.line).not.toContain("NaN");
  expect(sharesOf([{ type: "text", size: 0, files: 2 }])).toEqual([{ type: "text", size: 0, files: 2, start: 0, length: 0 }]);
});

test("the sixth type and all after it are one piece, and the pieces fill the bar", () => {
  const types = [40, 20, 10, 10, 10, 6, 4].map((size, index) => ({ type: `type-${index}`, size, files: 1 }));
  const shares = sharesOf(types);
  expect(shares.map(({ type }) => type)).toEqual(["type-0", "type-1", "type-2", "type-3", "type-4", "other"]);
  expect(shares.at(-1)).toMatchObject({ size: 10, files: 2, start: 90, length: 10 });
});
