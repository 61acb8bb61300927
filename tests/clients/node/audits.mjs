// Every server audit of graphql-http against each endpoint: id, name, status and reason.

import { serverAudits } from "graphql-http";
import { asked, tell, versions } from "./script.mjs";

async function audited({ url, token }) {
  const fetchFn = (resource, init = {}) => {
    const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) };
    return fetch(resource, { ...init, headers });
  };
  const results = [];
  for (const audit of serverAudits({ url, fetchFn })) {
    const { id, name, status, reason } = await audit.fn();
    results.push({ id, name, status, ...(reason && { reason }) });
  }
  return results;
}

const endpoints = {};
for (const [name, endpoint] of Object.entries(asked.endpoints)) {
  endpoints[name] = await audited(endpoint);
}
tell({ versions: versions("graphql-http", "graphql"), endpoints });
