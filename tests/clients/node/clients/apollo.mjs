// Apollo Client as its documentation teaches: HttpLink, and GraphQLWsLink for subscriptions.

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { parse } from "graphql";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export const packages = ["@apollo/client", "graphql-ws", "ws"];

export function apollo({ url, websocketUrl, token }) {
  const authorization = `Bearer ${token}`;
  const socket = createClient({
    url: websocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  });
  const link = ApolloLink.split(
    ({ operationType }) => operationType === "subscription",
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers: { authorization } }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return {
    ask: (document, variables) => ask(client, document, variables),
    watch(document, variables, { next, error, complete }) {
      const watched = client.subscribe({ query: parse(document), variables });
      const sink = { next: (result) => next(told(result)), error, complete };
      const subscription = watched.subscribe(sink);
      return () => subscription.unsubscribe();
    },
    async end() {
      client.stop();
      await socket.dispose();
    },
  };
}

export async function ask(client, document, variables) {
  const query = parse(document);
  const isMutation = query.definitions[0].operation === "mutation";
  const options = { variables, errorPolicy: "all", fetchPolicy: "no-cache" };
  return told(
    await (isMutation
      ? client.mutate({ mutation: query, ...options })
      : client.query({ query, ...options })),
  );
}

function told({ data, error }) {
  if (!error) return { data };
  if (!CombinedGraphQLErrors.is(error)) throw error;
  return { data, errors: error.errors };
}
