// graphql-ws on one socket: ids that are used again, pings and pongs both ways, and a refused token.

import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { ask } from "./clients/graphql-ws.mjs";
import { asked, tell, versions } from "./script.mjs";

function options({ websocketUrl, token }) {
  const connectionParams = { authorization: `Bearer ${token}` };
  return { url: websocketUrl, webSocketImpl: WebSocket, connectionParams, lazy: false };
}

/** One id for an operation after another, as the protocol allows once the former has ended. */
async function oneId(endpoint) {
  const saw = { connections: 0, ids: [], answers: [] };
  const on = {
    connected: () => (saw.connections += 1),
    message: ({ id }) => id && saw.ids.push(id),
  };
  const client = createClient({ ...options(endpoint), generateID: () => "the one", on });
  for (const request of endpoint.requests) saw.answers.push(await ask(client, request));
  await client.dispose();
  return saw;
}

/** Until three pongs came for our pings, and two pings of the server; or patience has ended. */
async function pings(endpoint) {
  const saw = { pinged: 0, ponged: 0, closed: [] };
  let enough;
  const done = new Promise((resolve) => (enough = resolve));
  const count = (what) => (received) => {
    if (received) saw[what] += 1;
    if (saw.pinged >= 2 && saw.ponged >= 3) enough();
  };
  const on = {
    ping: count("pinged"),
    pong: count("ponged"),
    closed: ({ code }) => saw.closed.push(code),
  };
  const client = createClient({ ...options(endpoint), keepAlive: 150, on });
  setTimeout(enough, endpoint.patience).unref();
  await done;
  const answer = await ask(client, endpoint.requests[0]);
  const closed = [...saw.closed]; // before we close it ourselves
  await client.dispose();
  return { ...saw, closed, answer };
}

/** The close event that is left to whoever subscribes with a token that is no good. */
async function refused(endpoint) {
  const nobody = options({ ...endpoint, token: "nonsense" });
  const client = createClient({ ...nobody, lazy: true, retryAttempts: 0 });
  try {
    return { answer: await ask(client, endpoint.requests[0]) };
  } catch ({ code, reason }) {
    return { code, reason };
  }
}

async function seen(endpoint) {
  const scenes = [oneId, pings, refused].map((scene) => scene(endpoint));
  const [one, alive, denied] = await Promise.all(scenes);
  return { oneId: one, pings: alive, refused: denied };
}

const [ours, control] = await Promise.all([seen(asked.ours), seen(asked.control)]);
tell({ versions: versions("graphql-ws", "ws"), ours, control });
