import { expect, test } from "vitest";
import { Rate } from "../src/page/rate";

test("a steady transfer has its speed, once there is enough to measure", () => {
  const rate = new Rate();
  expect(rate.update(0, 0)).toBe(0);
  expect(rate.update(400, 400)).toBe(0);
  expect(rate.update(1000, 1000)).toBe(1000);
  expect(rate.update(6000, 6000)).toBe(1000);
});

test("the bytes of a failed part do not make the speed negative", () => {
  const rate = new Rate();
  rate.update(3000, 0);
  expect(rate.update(2000, 1000)).toBe(0);
  expect(rate.update(3000, 2000)).toBe(1000);
});

test("a transfer is stalled if nothing moves for most of the window", () => {
  const rate = new Rate();
  rate.update(100, 0);
  rate.update(100, 4000);
  expect(rate.isStalled).toBe(false);
  rate.update(100, 5000);
  expect(rate.isStalled).toBe(true);
  rate.update(101, 5500);
  expect(rate.isStalled).toBe(false);
  rate.reset();
  expect(rate.isStalled).toBe(false);
});
