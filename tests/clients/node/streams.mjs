// A dashboard's stream through graphql-ws or graphql-sse, which outlives what ends its connection:
// a restart of the server (`restart`), or its credential (`expiry`). It asks for its first event
// from before; back again it resumes after the last that it saw, and a mutation makes the second.

import { createClient as createSseClient } from "graphql-sse";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { ask } from "./clients/graphql-ws.mjs";
import { asked, tell, versions } from "./script.mjs";

const soon = () => new Promise((resolve) => setTimeout(resolve, 200));

/** Each connection signs in with the next token; the last one serves for the rest. */
function signingIn(tokens) {
  const left = [...tokens];
  return () => ({ authorization: `Bearer ${left.length > 1 ? left.shift() : left[0]}` });
}

function overWebSocket({ websocketUrl, tokens }, { closed, back }) {
  let connections = 0;
  const client = createClient({
    url: websocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: signingIn(tokens),
    retryAttempts: 50, // a restart takes longer than five attempts at this pace
    retryWait: soon,
    on: {
      connected: () => (connections += 1) > 1 && back(),
      closed: ({ code, reason }) => code !== 1000 && closed({ code, reason }),
    },
  });
  return client;
}

function overSse({ url, tokens }, { back }) {
  let connections = 0;
  return createSseClient({
    url,
    headers: signingIn(tokens),
    retryAttempts: 50,
    retry: soon,
    on: { connected: () => (connections += 1) > 1 && back() },
  });
}

function watched(stream) {
  const { documents, variables, tokens, websocketUrl } = stream;
  const saw = { events: [], closes: [], returns: 0 };
  const connectionParams = { authorization: `Bearer ${tokens.at(-1)}` };
  const other = createClient({ url: websocketUrl, webSocketImpl: WebSocket, connectionParams });
  // The clients send this object anew with every connection, so that `after` moves along.
  const request = { query: documents.subscription, variables: { ...variables.subscription } };
  return new Promise((resolve) => {
    const end = async (how) => {
      await Promise.all([client.dispose(), other.dispose()]);
      resolve({ ...saw, ...how });
    };
    const back = () => {
      saw.returns += 1;
      ask(other, { query: documents.mutation, variables: variables.mutation });
    };
    const client = (stream.protocol === "ws" ? overWebSocket : overSse)(stream, {
      back,
      closed: (close) => saw.closes.push(close),
    });
    client.subscribe(request, {
      next(event) {
        saw.events.push(event);
        request.variables.after = event.data?.orderUpdates?.sequence;
        if (saw.events.length === 2) setImmediate(end, {});
      },
      error: (error) => end({ failed: error?.message ?? { code: error.code } }),
      complete: () => saw.events.length < 2 && end({ failed: "complete" }),
    });
    setTimeout(end, 15_000, { failed: "no second event in time" }).unref();
  });
}

const watching = Object.entries(asked.streams).map(async ([name, stream]) => [
  name,
  await watched(stream),
]);
const streams = Object.fromEntries(await Promise.all(watching));
tell({ versions: versions("graphql-ws", "graphql-sse", "ws"), streams });
