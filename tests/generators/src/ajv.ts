// Each schema of the document, compiled by Ajv in its strict mode, and real answers against them.
import { readFileSync } from "node:fs";

import Ajv from "ajv/dist/2020";
import addFormats from "ajv-formats";

import { address, content, token } from "./arguments";

const document = JSON.parse(readFileSync("openapi.json", "utf8"));
// Members of the document that are no keywords of JSON Schema.
const ajv = new Ajv({ allErrors: true, strictTypes: false, strictRequired: false });
addFormats(ajv);
ajv.addVocabulary(Object.keys(document));
ajv.addSchema(document, "openapi");

function schemas(node: unknown, path: string): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) => {
    const here = `${path}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
    return name === "schema" ? [here] : schemas(value, here);
  });
}

function check(name: string, value: unknown): string[] {
  const validate = ajv.getSchema(`openapi#/components/schemas/${name}`)!;
  return validate(value) ? [] : [`${name}: ${ajv.errorsText(validate.errors)}`];
}

async function ask(method: string, path: string, body?: object): Promise<any> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const response = await fetch(`${address}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  return response.json();
}

async function main() {
  const pointers = [
    ...Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`),
    ...schemas(document.paths, "#/paths"),
    ...schemas(document.webhooks, "#/webhooks"),
  ];
  for (const pointer of pointers) ajv.getSchema(`openapi${pointer}`);

  const wanted = { name: "b.bin", size: content.length, contentType: 'text/plain; charset="utf-8"', sha256: null };
  const requested = await ask("POST", "/files/upload-request", wanted);
  const id = requested.file.id;
  const parted = await ask("POST", "/files/upload-request", { name: "c.bin", size: 6000000, multipart: true });
  const wrong = [
    ...check("UploadRequest", wanted),
    ...check("UploadAnswer", requested),
    ...check("UploadAnswer", parted),
    ...check("PartUploads", await ask("POST", `/files/${parted.file.id}/parts`, { partNumbers: [1] })),
    ...check("Parts", await ask("GET", `/files/${parted.file.id}/parts`)),
    ...check("Problem", await ask("POST", `/files/${id}/complete`)),
    ...check("Problem", await ask("POST", "/files/upload-request", { name: "", size: -1 })),
    ...check("FilePage", await ask("GET", "/files?totalCount=true")),
    ...check("FileOutcomes", await ask("POST", "/files/batch/complete", { ids: [id] })),
    ...check("File", await ask("DELETE", `/files/${id}`)),
    ...check("UsageAnswer", await ask("GET", "/usage")),
    ...check("HistoryAnswer", await ask("GET", "/usage/history")),
    ...check("Webhooks", await ask("GET", "/webhooks")),
  ];
  console.log(JSON.stringify({ compiled: pointers.length, wrong }));
}

void main();
