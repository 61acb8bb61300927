// PostGraphile 5, Amber preset, over the product's own tables and its row security.
import { createServer } from "node:http";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

// A line names its SKU by the seller's own code, for which there is an index but no foreign key.
const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      "public.skus": { tags: { unique: "workspace_id,seller_sku" } },
      "public.order_lines": {
        tags: {
          foreignKey:
            "(workspace_id, seller_sku) references skus (workspace_id, seller_sku)|@fieldName sku",
        },
      },
    },
  },
});

const instance = postgraphile({
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  plugins: [tags],
  // It would take away the order by `created_at`, which has an index, but behind the workspace.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: process.env.APP_DATABASE_URL,
      schemas: ["public", "contenders"],
      poolConfig: { max: 16, idleTimeoutMillis: 0 },
    }),
  ],
  schema: { defaultBehavior: "connection list" },
  gather: { installWatchFixtures: false },
  grafserv: { graphiql: false, watch: false },
  grafast: {
    explain: false,
    context: ({ node }) => ({
      pgSettings: { "app.workspace_id": String(node?.req.headers["x-workspace-id"]) },
    }),
  },
});
if (process.env.PRINT) {
  const { printSchema } = await import("graphql");
  console.log(printSchema(await instance.getSchema()));
  process.exit(0);
}
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1");
