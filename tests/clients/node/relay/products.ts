// Products backwards as well, a new product at the head of its list, and anything by its node.

import { graphql } from "relay-runtime";

export const list = graphql`
  fragment products_list on Query
  @refetchable(queryName: "productsListPaginationQuery")
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  ) {
    products(first: $first, after: $after, last: $last, before: $before)
      @connection(key: "products_list_products") {
      totalCount
      edges {
        cursor
        node {
          id
          ...products_card
        }
      }
      pageInfo {
        hasPreviousPage
        startCursor
      }
    }
  }
`;

export const card = graphql`
  fragment products_card on Product @refetchable(queryName: "productsCardRefetchQuery") {
    title
    status
    skus {
      id
      sellerSku
      stock {
        available
        warehouse {
          id
          name
        }
      }
    }
  }
`;

export const page = graphql`
  query productsPageQuery($first: Int!) {
    ...products_list @arguments(first: $first)
  }
`;

export const create = graphql`
  mutation productsCreateMutation($input: ProductCreateInput!, $connections: [ID!]!) {
    productCreate(input: $input) {
      product @prependNode(connections: $connections, edgeTypeName: "ProductEdge") {
        id
        ...products_card
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;

export const anything = graphql`
  query productsNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ...products_card @alias(as: "product")
      ...orders_detail @alias(as: "order")
    }
  }
`;
