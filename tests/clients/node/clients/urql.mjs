// urql as its documentation teaches: over HTTP alone, subscriptions as server-sent events, or with
// graphql-ws for those. Every query's Accept names text/event-stream, last.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export const packages = ["@urql/core", "graphql-ws", "ws"];

/** urql 6 asks queries by GET while their address is short; `preferGetMethod: false` turns to POST. */
export function urqlOverGet(endpoint) {
  return conversing({ ...settings(endpoint), fetchSubscriptions: true });
}

export function urqlOverPost(endpoint) {
  return conversing({ ...settings(endpoint), fetchSubscriptions: true, preferGetMethod: false });
}

export function urqlWithSocket(endpoint) {
  const socket = createClient({
    url: endpoint.websocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${endpoint.token}` },
  });
  const subscriptions = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({
        unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, sink),
      }),
    }),
  });
  const { exchanges, ...others } = settings(endpoint);
  return conversing({ ...others, exchanges: [...exchanges, subscriptions] }, () => socket.dispose());
}

function settings({ url, token }) {
  return {
    url,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  };
}

function conversing(options, end = () => {}) {
  const client = new Client(options);
  return {
    async ask(document, variables) {
      const isMutation = document.trimStart().startsWith("mutation");
      const context = { requestPolicy: "network-only" };
      return told(
        await (isMutation
          ? client.mutation(document, variables)
          : client.query(document, variables, context)
        ).toPromise(),
      );
    },
    watch(document, variables, { next }) {
      const watched = client.subscription(document, variables);
      return watched.subscribe((result) => next(told(result))).unsubscribe;
    },
    end,
  };
}

export function told({ data, error }) {
  if (error?.networkError) throw error.networkError;
  return { data: data ?? null, ...(error && { errors: error.graphQLErrors }) };
}
