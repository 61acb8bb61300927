// A list of orders as Relay's documentation writes one: a page and its connection, a row, a detail
// that is fetched again by its node, what follows a mutation, and a subscription.

import { graphql } from "relay-runtime";

export const page = graphql`
  query ordersPageQuery($count: Int!, $cursor: String, $where: OrderWhere) {
    viewer {
      role
    }
    ...orders_list @arguments(count: $count, cursor: $cursor, where: $where)
  }
`;

export const list = graphql`
  fragment orders_list on Query
  @refetchable(queryName: "ordersListPaginationQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    where: { type: "OrderWhere" }
  ) {
    orders(
      first: $count
      after: $cursor
      where: $where
      orderBy: [{ field: PLACED_AT, direction: DESC }]
    ) @connection(key: "orders_list_orders", filters: ["where"]) {
      edges {
        node {
          ...orders_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment orders_row on Order {
    id
    externalId
    status
    total {
      amount
      currencyCode
    }
    ...orders_detail
  }
`;

export const detail = graphql`
  fragment orders_detail on Order @refetchable(queryName: "ordersDetailRefetchQuery") {
    version
    lines {
      productName
      quantity
    }
    availableActions {
      action
      deadline
    }
    liveRoom {
      id
      title
    }
  }
`;

export const cancel = graphql`
  mutation ordersCancelMutation($input: OrderCancelInput!) {
    orderCancel(input: $input) {
      order {
        ...orders_row
      }
      userErrors {
        __typename
        code
        field
        message
        ... on TransitionRefused {
          from
          action
          allowed
        }
      }
    }
  }
`;

export const updates = graphql`
  subscription ordersUpdatesSubscription($after: String) {
    orderUpdates(after: $after) {
      __typename
      ... on OrderEvent {
        sequence
        order {
          ...orders_row
        }
      }
      ... on EventGap {
        firstSequence
        lastSequence
      }
    }
  }
`;
