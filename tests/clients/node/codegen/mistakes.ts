// What the generated types have to refuse: each statement is one mistake.

import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";
import {
  LiveOrdersDocument,
  OrdersOfTodayDocument,
  ProductsWithStockDocument,
  ShipAnOrderDocument,
} from "./generated/graphql";

type Order = ResultOf<typeof OrdersOfTodayDocument>["orders"]["nodes"][number];
type Product = ResultOf<typeof ProductsWithStockDocument>["products"]["nodes"][number];
type LiveOrder = ResultOf<typeof LiveOrdersDocument>["liveOrders"];

export const rounded = (order: Order): number => order.total.amount;
export const notAskedFor = (product: Product) => product.description;
export const perhapsNoDeadline = (order: Order): string => order.availableActions[0]!.deadline;
export const perhapsAGap = (event: LiveOrder) => event.sequence;
export const noSuchStatus = (order: Order) => order.status === "SHIPPED";
export const noKey: VariablesOf<typeof ShipAnOrderDocument> = { input: { orderId: "1" } };
