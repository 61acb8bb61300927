// graphql-sse in distinct connections mode: everything is a stream of server-sent events.

import { createClient } from "graphql-sse";

export const packages = ["graphql-sse"];

export function graphqlSse({ url, token }) {
  const client = createClient({
    url,
    headers: { authorization: `Bearer ${token}` },
    singleConnection: false,
    retryAttempts: 0,
  });
  return {
    async ask(query, variables) {
      const answers = [];
      for await (const answer of client.iterate({ query, variables })) answers.push(answer);
      if (answers.length !== 1) throw new Error(`${answers.length} answers`);
      return answers[0];
    },
    watch: (query, variables, sink) => client.subscribe({ query, variables }, sink),
    end: () => client.dispose(),
  };
}
