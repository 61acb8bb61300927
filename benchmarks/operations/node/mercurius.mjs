// What a team would write in Node: Mercurius with its JIT, hand-written batched loaders, prepared
// statements, one connection and one read-only transaction of the workspace for each request.
import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";
import pg from "pg";
import { QUESTIONS, SCHEMA } from "./questions.mjs";

// Text as Postgres sends it is quicker than a Date there and back.
pg.types.setTypeParser(1184, (text) => text.replace(" ", "T") + ":00");
pg.types.setTypeParser(20, Number);
const pool = new pg.Pool({
  connectionString: process.env.APP_DATABASE_URL,
  max: 16,
  idleTimeoutMillis: 0,
  options: "-c TimeZone=UTC -c jit=off",
});

class Snapshot {
  constructor(workspace) {
    if (!/^[0-9a-f-]{36}$/.test(workspace)) throw new Error("no workspace");
    this.workspace = workspace;
    this.opened = null;
  }
  async ask(name, ...values) {
    this.opened ??= this.open();
    const connection = await this.opened;
    const text = QUESTIONS[name];
    return (await connection.query({ name, text, values: [this.workspace, ...values] })).rows;
  }
  async open() {
    const connection = await pool.connect();
    await connection.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.workspace_id = '${this.workspace}'`,
    );
    return connection;
  }
  // Nobody waits for it: the answer is on its way.
  close() {
    this.opened?.then((connection) =>
      connection.query("ROLLBACK").then(() => connection.release()),
    );
  }
}

const globalId = (type, id) => Buffer.from(`${type}:${id}`).toString("base64");
const localId = (id) => Buffer.from(id, "base64").toString().split(":")[1];
const DIGITS = { VND: 0 };
function money(minor, currency) {
  const digits = DIGITS[currency] ?? 2;
  const amount = digits ? (minor / 10 ** digits).toFixed(digits) : String(minor);
  return { amount, currencyCode: currency };
}
const edge = (after) => JSON.parse(Buffer.from(after, "base64url").toString()).slice(1);

// Rows become what GraphQL reads as plain properties; `key` is for the loaders below.
function product(row) {
  row.key = row.id;
  row.id = globalId("Product", row.id);
  return row;
}
function sku(row) {
  row.key = row.id;
  row.id = globalId("Sku", row.id);
  row.price = money(row.price_minor, row.currency);
  return row;
}
function order(row) {
  row.key = row.id;
  row.id = globalId("Order", row.id);
  row.total = money(row.total_minor, row.currency);
  return row;
}
function line(row) {
  row.listAmount = money(row.list_minor, row.currency);
  return row;
}
function parcel(row) {
  row.id = globalId("Package", row.id);
  return row;
}

function page(rows, size, cursor) {
  const hasNextPage = rows.length > size;
  if (hasNextPage) rows.length = size;
  const last = rows.at(-1);
  const endCursor = last ? Buffer.from(JSON.stringify(cursor(last))).toString("base64url") : null;
  return { nodes: rows, pageInfo: { hasNextPage, endCursor } };
}

const many = (question, by, made) => ({
  opts: { cache: false },
  loader: async (queries, { snapshot }) => {
    const found = new Map(queries.map(({ obj }) => [obj.key, []]));
    for (const row of await snapshot.ask(question, [...found.keys()])) {
      found.get(row[by]).push(made(row));
    }
    return queries.map(({ obj }) => found.get(obj.key));
  },
});
const one = (question, column, by, made) => ({
  opts: { cache: false },
  loader: async (queries, { snapshot }) => {
    const keys = [...new Set(queries.map(({ obj }) => obj[column]))];
    const found = new Map();
    for (const row of await snapshot.ask(question, keys)) found.set(row[by], made(row));
    return queries.map(({ obj }) => found.get(obj[column]) ?? null);
  },
});
const asItIs = (row) => row;

const app = Fastify({ logger: false });
await app.register(mercurius, {
  schema: SCHEMA,
  jit: 1,
  graphiql: false,
  resolvers: {
    DateTime: new GraphQLScalarType({ name: "DateTime", serialize: asItIs }),
    Query: {
      product: async (_, { id }, { snapshot }) => {
        const [row] = await snapshot.ask("product", localId(id));
        return row ? product(row) : null;
      },
      products: async (_, { first, after }, { snapshot }) => {
        const rows = await snapshot.ask("products", ...edge(after), first + 1);
        const cursor = ({ createdAt, key }) => ["-CREATED_AT", createdAt, key];
        return page(rows.map(product), first, cursor);
      },
      orders: async (_, { first, after }, { snapshot }) => {
        const rows = await snapshot.ask("orders", ...edge(after), first + 1);
        return page(rows.map(order), first, ({ placedAt, key }) => ["-PLACED_AT", placedAt, key]);
      },
      gmvByHourOfWeek: async (_, { where }, { snapshot }) => {
        const rows = await snapshot.ask("gmv", where.placedAt.gte, where.placedAt.lt);
        for (const row of rows) row.gmv = money(row.gmv_minor, row.currency);
        return rows;
      },
    },
  },
  loaders: {
    Product: {
      skus: many("skus", "product_id", sku),
      translations: many("translations", "product_id", asItIs),
    },
    Order: {
      lines: many("lines", "order_id", line),
      packages: many("packages", "order_id", parcel),
    },
    OrderLine: { sku: one("skuBySellerSku", "sellerSku", "sellerSku", sku) },
    Sku: { product: one("productById", "product_id", "id", product) },
  },
  context: (request) => ({ snapshot: new Snapshot(request.headers["x-workspace-id"]) }),
});
app.graphql.addHook("onResolution", async (_, { snapshot }) => snapshot.close());
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
