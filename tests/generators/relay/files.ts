// What a page in React asks for: a row that is fetched again by its id, and a list that goes on.
import { graphql } from "react-relay";

export const row = graphql`
  fragment files_row on File @refetchable(queryName: "filesRowQuery") {
    name
    size
    status
  }
`;

export const list = graphql`
  fragment files_list on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "filesListQuery") {
    files(first: $count, after: $cursor) @connection(key: "files_files") {
      edges {
        node {
          ...files_row
        }
      }
    }
  }
`;
