// Apollo's client, with hashes in place of documents, and the types of GraphQL Code Generator.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { address, content, final, pause, token } from "./arguments";
import type {
  CompleteUploadMutation,
  CompleteUploadMutationVariables,
  GetFileQuery,
  GetFileQueryVariables,
  RequestUploadMutation,
  RequestUploadMutationVariables,
} from "./graphql";

const document = gql(readFileSync("src/operations.graphql", "utf8"));

function only(name: string) {
  const definitions = document.definitions.filter((each) => "name" in each && each.name?.value === name);
  return { ...document, definitions };
}

async function main() {
  const requests: string[] = [];
  const http = new HttpLink({
    uri: `${address}/graphql`,
    headers: { Authorization: `Bearer ${token}` },
    fetch: async (url, options) => {
      const isHash = !JSON.stringify([url, options?.body]).includes("query");
      requests.push(`${options?.method} ${isHash ? "hash" : "document"}`);
      return fetch(url, options);
    },
  });
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const link = ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries: true }), http]);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });

  const get = async (id: string) => {
    const answer = await client.query<GetFileQuery, GetFileQueryVariables>({
      query: only("GetFile"),
      variables: { id },
      fetchPolicy: "network-only",
    });
    return answer.data?.node?.__typename === "File" ? answer.data.node : undefined;
  };
  const requested = await client.mutate<RequestUploadMutation, RequestUploadMutationVariables>({
    mutation: only("RequestUpload"),
    variables: { input: { name: "a.bin", size: content.length } },
  });
  const { file, upload } = requested.data!.requestUpload;
  const headers = Object.fromEntries(upload!.headers.map(({ name, value }) => [name, value]));
  const put = await fetch(upload!.url, { method: upload!.method, headers, body: content });
  if (!put.ok) throw new Error(await put.text());
  await client.mutate<CompleteUploadMutation, CompleteUploadMutationVariables>({
    mutation: only("CompleteUpload"),
    variables: { id: file.id },
  });
  let found = await get(file.id);
  while (found && !final.has(found.status)) {
    await pause();
    found = await get(file.id);
  }
  console.log(JSON.stringify({ status: found?.status, requests: requests.slice(0, 3) }));
}

void main();
