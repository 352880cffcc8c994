// GraphiQL on our own endpoint. The globals are those of the UMD builds that the page loads before.
/* global React, ReactDOM, GraphiQL */

const EXAMPLE = `# Your files, newest first.
# Ctrl-Enter runs, Ctrl-Space completes.
query Files {
  files(first: 10) {
    edges {
      node {
        id
        name
        size
        status
        createdAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}

# An upload: take the # away (Ctrl-/) and run
# it, then PUT the bytes to the URL with exactly
# these headers, and complete it.
#
# mutation RequestUpload {
#   requestUpload(
#     input: {
#       name: "hello.txt"
#       size: 5
#       contentType: "text/plain"
#     }
#   ) {
#     file { id }
#     upload { url method headers { name value } }
#   }
# }
#
# mutation CompleteUpload {
#   completeUpload(id: "the id from above") {
#     status
#   }
# }
`;

const { token } = JSON.parse(document.getElementById("config").textContent);

const PLACEHOLDER = "Bearer <your token>";
const authorization = token ? `Bearer ${token}` : PLACEHOLDER;

// A token does not belong into localStorage, but GraphiQL's history keeps the headers of past queries even
// where they are not to be persisted. So tokens are taken out on the way in; ours, if any, is put back in on
// the way out, which also keeps old entries working when theirs would have expired.
const storage = {
  getItem: (key) => localStorage.getItem(key)?.replaceAll(PLACEHOLDER, authorization) ?? null,
  setItem: (key, value) => localStorage.setItem(key, value.replace(/Bearer [\w.~+/=-]+/gi, PLACEHOLDER)),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};

ReactDOM.createRoot(document.getElementById("tool")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: window.location.pathname }),
    storage,
    defaultQuery: EXAMPLE,
    defaultHeaders: JSON.stringify({ Authorization: authorization }, null, 2),
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
