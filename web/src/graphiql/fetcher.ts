// Queries and mutations by HTTP, subscriptions by graphql-transport-ws, at the address of this page.
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import type { GraphQLFormattedError } from "graphql";
import { type Client, createClient } from "graphql-ws";

const url = window.location.pathname;
const socketUrl = `${window.location.origin.replace("http", "ws")}${url}`;

/** The close code for a token that is invalid or has expired. */
const FORBIDDEN = 4403;

export const fetcher: Fetcher = (operation, options) => {
  // One client per operation, because a connection has the headers with which it was opened.
  const wsClient = readable(
    createClient({
      url: socketUrl,
      connectionParams: options?.headers,
      // The server would refuse the same token again. Other errors may be temporary.
      shouldRetry: (event) => event instanceof CloseEvent && event.code !== FORBIDDEN,
    }),
  );
  return createGraphiQLFetcher({ url, wsClient, enableIncrementalDelivery: false })(operation, options);
};

/**
 * Returns a client that reports a lost connection as a GraphQL error. The browser reports events, which the fetcher
 * would not show, and it would also throw them.
 */
function readable(client: Client): Client {
  return {
    ...client,
    subscribe: (operation, sink) =>
      client.subscribe(operation, {
        ...sink,
        error: (error) => {
          sink.next({ errors: toGraphQLErrors(error) });
          sink.complete();
        },
      }),
  };
}

function toGraphQLErrors(error: unknown): readonly GraphQLFormattedError[] {
  // Errors of the operation, from the server.
  if (Array.isArray(error)) return error;
  if (error instanceof CloseEvent && error.code === FORBIDDEN)
    return [{ message: "The token is missing, invalid or expired. Enter a valid one in the headers, and run again." }];
  if (error instanceof Event) return [{ message: "The connection failed or was lost. Run again." }];
  return [{ message: String(error) }];
}
