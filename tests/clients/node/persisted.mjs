// Apollo Client's automatic persisted queries: what two clients, and one that asks by GET, sent and
// were answered for the same query. The first knows no better than that its hash may be known.

import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { ask } from "./clients/apollo.mjs";
import { asked, tell, versions } from "./script.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

async function conversed({ url, token, document }, options) {
  const exchanges = [];
  const watching = async (resource, init) => {
    const response = await fetch(resource, init);
    const query = new URL(resource).searchParams.has("query") || /"query"/.test(init.body ?? "");
    const { errors = [] } = await response.clone().json();
    const codes = errors.map((error) => error.extensions?.code ?? null);
    exchanges.push({ method: init.method, query, status: response.status, codes });
    return response;
  };
  const authorization = `Bearer ${token}`;
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, ...options }),
    new HttpLink({ uri: url, fetch: watching, headers: { authorization } }),
  ]);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  try {
    return { exchanges, answer: await ask(client, document, {}) };
  } catch (error) {
    return { exchanges, failed: String(error?.message ?? error) };
  }
}

const endpoints = {};
for (const [name, endpoint] of Object.entries(asked.endpoints)) {
  endpoints[name] = {
    first: await conversed(endpoint, {}),
    second: await conversed(endpoint, {}),
    overGet: await conversed(endpoint, { useGETForHashedQueries: true }),
  };
}
tell({ versions: versions("@apollo/client"), endpoints });
