// The same conversation through every client: a query, a subscription during which a mutation makes
// an event, a field that is refused, and a document that is not valid.

import * as apollo from "./clients/apollo.mjs";
import * as sse from "./clients/graphql-sse.mjs";
import * as ws from "./clients/graphql-ws.mjs";
import * as urql from "./clients/urql.mjs";
import { asked, tell, versions } from "./script.mjs";

const CLIENTS = {
  "Apollo Client": apollo.apollo,
  "urql over GET, with SSE": urql.urqlOverGet,
  "urql over POST, with SSE": urql.urqlOverPost,
  "urql with graphql-ws": urql.urqlWithSocket,
  "graphql-ws": ws.graphqlWs,
  "graphql-sse": sse.graphqlSse,
};
const PATIENCE = 15_000;

async function converse(client, { documents, variables }, saw) {
  saw.query = await client.ask(documents.query, variables.query);
  Object.assign(saw, await subscribed(client, documents, variables));
  saw.refused = await client.ask(documents.refused, variables.refused);
  saw.invalid = await client.ask(documents.invalid, {});
}

/** Two events: one from before, and one of the mutation that is asked for once the first came. */
function subscribed(client, documents, variables) {
  return new Promise((resolve, reject) => {
    const events = [];
    let mutation;
    const stop = client.watch(documents.subscription, variables.subscription, {
      next(event) {
        events.push(event);
        if (events.length === 1) mutation = client.ask(documents.mutation, variables.mutation);
        if (events.length < 2) return;
        setImmediate(stop); // urql's own promise is left rejected if it is stopped in mid-event
        mutation.then((answer) => resolve({ events, mutation: answer }), reject);
      },
      error: reject,
      complete: () => reject(new Error(`complete after ${events.length} events`)),
    });
  });
}

/** What was seen, or how it failed; no client may wait for ever, nor keep the others from theirs. */
async function seen(name, question) {
  const client = CLIENTS[name](question);
  const saw = {};
  try {
    await Promise.race([converse(client, question, saw), impatience()]);
  } catch (error) {
    saw.failed = String(error?.message ?? error);
  }
  await client.end();
  return saw;
}

function impatience() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error("no answer in time")), PATIENCE).unref();
  });
}

/** All clients of one server at once, by name. */
async function conversations(questions) {
  const names = Object.keys(questions);
  const saw = await Promise.all(names.map((name) => seen(name, questions[name])));
  return Object.fromEntries(names.map((name, n) => [name, saw[n]]));
}

const packages = [apollo, urql, ws, sse].flatMap((client) => client.packages);
tell({
  versions: versions(...packages),
  ours: await conversations(asked.ours),
  control: await conversations(asked.control),
});
