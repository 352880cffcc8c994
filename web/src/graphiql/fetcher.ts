// Queries and mutations by HTTP, subscriptions by graphql-transport-ws, on the address of the page itself.
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import type { GraphQLFormattedError } from "graphql";
import { type Client, createClient } from "graphql-ws";

const url = window.location.pathname;
const socketUrl = `${window.location.origin.replace("http", "ws")}${url}`;

/** What the server closes a connection with whose token is bad, or has expired. */
const FORBIDDEN = 4403;

export const fetcher: Fetcher = (operation, options) => {
  // Of this operation alone, for a connection keeps the headers that it began with. Opened only to subscribe.
  const wsClient = readable(
    createClient({
      url: socketUrl,
      connectionParams: options?.headers,
      // The same token would be refused again. Other connections may be lost for a moment only.
      shouldRetry: (event) => event instanceof CloseEvent && event.code !== FORBIDDEN,
    }),
  );
  return createGraphiQLFetcher({ url, wsClient, enableIncrementalDelivery: false })(operation, options);
};

/**
 * A client that answers with an error in words where one ends: what the browser tells of a connection are events,
 * and the fetcher would let an error escape beside the one that it shows.
 */
function readable(client: Client): Client {
  return {
    ...client,
    subscribe: (operation, sink) =>
      client.subscribe(operation, {
        ...sink,
        error: (error) => {
          sink.next({ errors: inWords(error) });
          sink.complete();
        },
      }),
  };
}

function inWords(error: unknown): readonly GraphQLFormattedError[] {
  // The server's own, of the operation.
  if (Array.isArray(error)) return error;
  if (error instanceof CloseEvent && error.code === FORBIDDEN)
    return [{ message: "The token is missing, wrong or expired. Write a good one into the headers, and run again." }];
  if (error instanceof Event) return [{ message: "The connection could not be made, or was lost. Run again." }];
  return [{ message: String(error) }];
}
