// The types of openapi-typescript, and the client that is made for them.
import createClient from "openapi-fetch";

import { address, content, final, pause, token } from "./arguments";
import type { paths } from "./schema";

async function main() {
  const client = createClient<paths>({
    baseUrl: `${address}/api/v1`,
    headers: { Authorization: `Bearer ${token}` },
  });
  // Without contentType, sha256 and multipart, which are optional.
  const requested = await client.POST("/files/upload-request", { body: { name: "a.bin", size: content.length } });
  if (!requested.data?.upload) throw new Error(JSON.stringify(requested.error));
  const { file, upload } = requested.data;
  const put = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: content });
  if (!put.ok) throw new Error(await put.text());
  const path = { id: file.id };
  await client.POST("/files/{id}/complete", { params: { path } });
  let found = await client.GET("/files/{id}", { params: { path } });
  while (found.data && !final.has(found.data.status)) {
    await pause();
    found = await client.GET("/files/{id}", { params: { path } });
  }
  const missing = await client.GET("/files/{id}", { params: { path: { id: "0".repeat(24) } } });
  const code: "file_not_found" | "unauthenticated" | "rate_limited" | "service_unavailable" | undefined =
    missing.error?.code;
  console.log(JSON.stringify({ status: found.data?.status, code }));
}

void main();
