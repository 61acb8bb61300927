// graphql-ws alone: queries, mutations and subscriptions over one socket.

import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export const packages = ["graphql-ws", "ws"];

export function graphqlWs({ websocketUrl, token }) {
  const client = createClient({
    url: websocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  return {
    ask: (query, variables) => ask(client, { query, variables }),
    watch: (query, variables, sink) => client.subscribe({ query, variables }, sink),
    end: () => client.dispose(),
  };
}

/** The one answer of an operation; errors that the server sent in place of one are an answer too. */
export async function ask(client, request) {
  try {
    const answers = [];
    for await (const answer of client.iterate(request)) answers.push(answer);
    if (answers.length !== 1) throw new Error(`${answers.length} answers`);
    return answers[0];
  } catch (errors) {
    if (!Array.isArray(errors)) throw errors;
    return { data: null, errors };
  }
}
