import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import { authorizationOf } from './authorization';
import type { LiveReport } from './live';

/**
 * Queries and mutations go by fetch. Each run of a subscription opens a socket of its own, so that the token in
 * the headers editor at that moment is the one that counts and an older socket never lends its rights.
 */
export function createFetcher({
  graphql,
  subscriptions,
  firstHeaders,
  report,
}: {
  graphql: string;
  subscriptions: string;
  /** For the schema, which GraphiQL asks for before its headers editor exists. */
  firstHeaders: Record<string, string>;
  report: LiveReport;
}): Fetcher {
  const overHttp = createGraphiQLFetcher({ url: graphql });
  return (params, options) => {
    if (isSubscription(options?.documentAST, params.operationName)) {
      const wsClient = openSocket(subscriptions, authorizationOf(options?.headers), report);
      return createGraphiQLFetcher({ url: graphql, wsClient })(params, options);
    }
    if (params.operationName === 'IntrospectionQuery') {
      return overHttp(params, { ...options, headers: { ...firstHeaders, ...options?.headers } });
    }
    report({ type: 'none' });
    return overHttp(params, options);
  };
}

function openSocket(path: string, authorization: string | null, report: LiveReport): Client {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return createClient({
    url: url.href,
    connectionParams: authorization === null ? {} : { authorization },
    // A silent reconnect would hide a gap. Whoever runs it again says with `after` where to go on.
    retryAttempts: 0,
    on: {
      connecting: () => report({ type: 'connecting' }),
      connected: () => report({ type: 'connected' }),
      message: (message) => {
        if (message.type === 'next') report({ type: 'event' });
      },
      closed: (event) => report({ type: 'closed', reason: closing(event) }),
    },
  });
}

function closing(event: unknown): string {
  if (!(event instanceof CloseEvent) || event.code === 1000) return '';
  return `${event.code} ${event.reason}`.trim();
}

function isSubscription(document: DocumentNode | undefined, operationName: string | null | undefined): boolean {
  const operations = (document?.definitions ?? []).filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  return operations.some(
    (node) =>
      node.kind === Kind.OPERATION_DEFINITION &&
      node.operation === OperationTypeNode.SUBSCRIPTION &&
      (operations.length === 1 || node.name?.value === operationName),
  );
}
