// The client that hey-api writes.
import { address, content, final, pause, token } from "./arguments";
import { client } from "./hey-api/client.gen";
import { completeUpload, getFile, requestUpload } from "./hey-api/sdk.gen";

async function main() {
  client.setConfig({ baseUrl: `${address}/api/v1`, auth: () => token });
  const requested = await requestUpload({ body: { name: "a.bin", size: content.length } });
  if (!requested.data?.upload) throw new Error(JSON.stringify(requested.error));
  const { file, upload } = requested.data;
  const put = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: content });
  if (!put.ok) throw new Error(await put.text());
  const path = { id: file.id };
  await completeUpload({ path });
  let found = await getFile({ path });
  while (found.data && !final.has(found.data.status)) {
    await pause();
    found = await getFile({ path });
  }
  const missing = await getFile({ path: { id: "0".repeat(24) } });
  console.log(JSON.stringify({ status: found.data?.status, code: missing.error?.code }));
}

void main();
