import { createGraphiQLFetcher, type Fetcher, isAsyncIterable, type SyncFetcherResult } from '@graphiql/toolkit';
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
      return withoutStacks(createGraphiQLFetcher({ url: graphql, wsClient })(params, options));
    }
    if (params.operationName === 'IntrospectionQuery') {
      return overHttp(params, { ...options, headers: { ...firstHeaders, ...options?.headers } });
    }
    report({ type: 'none' });
    return withoutStacks(overHttp(params, options));
  };
}

/** GraphiQL prints a failure with its stack; nobody is helped by where in a bundle a socket was closed. */
async function withoutStacks(answer: ReturnType<Fetcher>): Promise<SyncFetcherResult> {
  const results = await answer;
  if (!isAsyncIterable(results)) return results;
  const events = results[Symbol.asyncIterator]();
  const quiet = (error: unknown): never => {
    if (error instanceof Error) delete error.stack;
    throw error;
  };
  return {
    next: () => events.next().catch(quiet),
    return: () => events.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  } as typeof results & AsyncIterator<unknown>;
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
        if (message.type === 'next' && message.payload.data) report({ type: 'event' });
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
