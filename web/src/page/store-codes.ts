/** Error codes of stores. waybill/platform/s3/error_codes.py has the table with its sources; a test compares the two. */
const WRONG_CONTENT = new Set(["BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"]);
const INVALID_REQUEST = "InvalidRequest";
const UPLOAD_GONE = new Set(["NoSuchUpload"]);

/** A store's refusal: S3's error code and message, both empty if there were none. */
export interface StoreError {
  code: string;
  message: string;
}

export function parseStoreError(xml: string): StoreError {
  return {
    code: /<Code>(\w+)<\/Code>/.exec(xml)?.[1] ?? "",
    message: /<Message>([^<]*)<\/Message>/.exec(xml)?.[1] ?? "",
  };
}

/** Returns whether the store refused the content because its checksum is not the signed one. */
export function meansWrongContent({ code, message }: StoreError): boolean {
  return WRONG_CONTENT.has(code) || (code === INVALID_REQUEST && message.toLowerCase().includes("checksum"));
}

/** Returns whether the store no longer knows the multipart upload. */
export function meansUploadGone({ code }: StoreError): boolean {
  return UPLOAD_GONE.has(code);
}
