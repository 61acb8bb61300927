import { type DocumentNode, Kind, type OperationDefinitionNode, parse } from 'graphql';
import newestProduct from '../examples/lookups/newest-product.graphql?raw';
import orderToShip from '../examples/lookups/order-to-ship.graphql?raw';

/** An operation in src/examples: `# title`, `# description`, then the document. File names give the order. */
export interface Example {
  name: string;
  title: string;
  description: string;
  document: string;
  syntax: DocumentNode;
  operation: OperationDefinitionNode;
}

export interface Surroundings {
  liveRoomId: string | undefined;
  /** Runs a query with the token of the active tab and gives its `data`. */
  ask: (query: string) => Promise<unknown>;
}

const files = import.meta.glob<string>('../examples/*.graphql', { query: '?raw', import: 'default', eager: true });

export const examples: Example[] = Object.entries(files)
  .sort(([one], [other]) => one.localeCompare(other))
  .map(([path, text]) => read(path, text));

/** The variables to start from, as JSON text; what cannot be looked up is said in words instead. */
export async function variablesOf(example: Example, surroundings: Surroundings): Promise<string> {
  const fill = variables[example.name];
  return fill ? JSON.stringify(await fill(surroundings), null, 2) : '';
}

type Fill = (surroundings: Surroundings) => Promise<object>;

const variables: Record<string, Fill> = {
  'one-product': async ({ ask }) => ({
    id: await firstId(ask, newestProduct, 'products', 'the id of a product'),
  }),
  'orders-of-today': async () => ({ since: new Date(new Date().setHours(0, 0, 0, 0)).toISOString() }),
  'ship-an-order': async ({ ask }) => ({
    input: {
      orderId: await firstId(ask, orderToShip, 'orders', 'the id of an order that awaits shipment'),
      carrier: 'J&T Express',
      trackingNumber: 'TT260000000001',
      idempotencyKey: newKey(),
    },
  }),
  'live-orders': async ({ liveRoomId }) => ({ roomId: liveRoomId ?? 'the id of a LIVE room' }),
};

async function firstId(ask: Surroundings['ask'], query: string, field: string, otherwise: string): Promise<string> {
  const data = (await ask(query)) as Record<string, { nodes: { id: string }[] } | null> | null;
  return data?.[field]?.nodes[0]?.id ?? otherwise;
}

/** Not crypto.randomUUID, which browsers keep from pages served without TLS under another name than localhost. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function read(path: string, text: string): Example {
  const [first = '', second = '', ...document] = text.trimEnd().split('\n');
  const syntax = parse(text);
  const operation = syntax.definitions[0];
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error(`${path}: an operation must come first`);
  return {
    name: path.replace(/^.*\/\d+-(.*)\.graphql$/, '$1'),
    title: first.replace(/^# /, ''),
    description: second.replace(/^# /, ''),
    document: [first, ...document].join('\n') + '\n',
    syntax,
    operation,
  };
}
