import { expect, test } from "vitest";
import { bytesOf, isTemporary, lengthOf } from "../src/page/parts";
import { Problem } from "../src/page/problem";
import { isRefused } from "../src/page/put-upload";
import { SendError } from "../src/page/send";
import { parseStoreError } from "../src/page/store-codes";

const MIB = 1024 ** 2;

test.each([
  [10 * MIB, [5 * MIB, 5 * MIB]],
  [11 * MIB, [5 * MIB, 5 * MIB, MIB]],
  [10 * MIB + 1, [5 * MIB, 5 * MIB, 1]],
  [3, [3]],
])("the parts of %d bytes cover the file once", (size, lengths) => {
  const plan = { partSize: 5 * MIB, partCount: lengths.length };
  const numbers = lengths.map((_, index) => index + 1);
  expect(numbers.map((number) => lengthOf(plan, size, number))).toEqual(lengths);
  expect(bytesOf(plan, size, numbers)).toBe(size);
});

test("the bytes of some parts count a short last part as it is", () => {
  expect(bytesOf({ partSize: 5, partCount: 3 }, 11, [3, 1])).toBe(6);
  expect(bytesOf({ partSize: 5, partCount: 3 }, 11, [])).toBe(0);
});

test("a part is tried again after any error of the store, and after an outage of the API", () => {
  expect(isTemporary(new SendError(0))).toBe(true);
  expect(isTemporary(new SendError(403))).toBe(true);
  expect(isTemporary(new SendError(404, { code: "NoSuchUpload", message: "" }))).toBe(false);
  expect(isTemporary(Problem.unreachable())).toBe(true);
  expect(isTemporary(new Problem(503, "service_unavailable", ""))).toBe(true);
  expect(isTemporary(new Problem(409, "wrong_state", ""))).toBe(false);
  expect(isTemporary(new TypeError())).toBe(false);
});

const refusals: [string, string, boolean][] = [
  ["BadDigest", "", true],
  ["XAmzContentChecksumMismatch", "", true],
  ["XAmzContentSHA256Mismatch", "", true],
  ["InvalidRequest", "Value for x-amz-checksum-sha256 header is invalid.", true],
  ["InvalidRequest", "Missing header", false],
  ["IncompleteBody", "", false],
  ["", "", false],
];

test.each(refusals)("whether %s (%s) means that the content is another: %s", (code, message, isWrong) => {
  const xml = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  expect(isRefused(new SendError(400, parseStoreError(xml)))).toBe(isWrong);
});

test("no other error means that the content is another", () => {
  expect(isRefused(new SendError(403))).toBe(false);
  expect(isRefused(new Problem(400, "invalid_input", ""))).toBe(false);
});
