// What a front-end team writes over the generated types of the playground's examples.

import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";
import {
  LiveOrdersDocument,
  OrdersOfTodayDocument,
  ProductsWithStockDocument,
  ShipAnOrderDocument,
} from "./generated/graphql";

type Products = ResultOf<typeof ProductsWithStockDocument>["products"];
type Orders = ResultOf<typeof OrdersOfTodayDocument>["orders"];

export function piecesInStock(products: Products): Map<string, number> {
  const pieces = products.nodes.flatMap((product) =>
    product.skus.map((sku): [string, number] => [
      sku.sellerSku,
      sku.stock.reduce((sum, level) => sum + level.available, 0),
    ]),
  );
  return new Map(pieces);
}

/** Amounts stay texts: no client rounds them. */
export function totals(orders: Orders): string[] {
  return orders.nodes.map(({ total }) => `${total.amount} ${total.currencyCode}`);
}

export function deadlines(orders: Orders): (string | null)[] {
  return orders.nodes.flatMap((order) => order.availableActions.map((one) => one.deadline ?? null));
}

export const today: VariablesOf<typeof OrdersOfTodayDocument> = { since: "2026-11-24T00:00:00Z" };

export const shipment: VariablesOf<typeof ShipAnOrderDocument> = {
  input: { orderId: "T3JkZXI6MQ==", idempotencyKey: "one" },
};

/** The position to resume after: every member of the union has one. */
export function resumeAfter(event: ResultOf<typeof LiveOrdersDocument>["liveOrders"]): string {
  return "sequence" in event ? event.sequence : event.lastSequence;
}
