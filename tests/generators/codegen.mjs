// Writes types with GraphQL Code Generator, which is given the schema and the operations and nothing else.
import { readFileSync, writeFileSync } from "node:fs";

import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const read = (name) => parse(readFileSync(name, "utf8"));
const written = await codegen({
  filename: "graphql.ts",
  schema: read("schema.graphql"),
  documents: [{ location: "operations.graphql", document: read("src/operations.graphql") }],
  config: {},
  plugins: [{ operations: {} }],
  pluginMap: { operations },
});
writeFileSync("src/graphql.ts", written);
