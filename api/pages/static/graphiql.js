// GraphiQL as a CDN has it. The globals are those of the UMD builds that the page loads before.
/* global React, ReactDOM, GraphiQL */

const { token } = JSON.parse(document.getElementById("config").textContent);

ReactDOM.createRoot(document.getElementById("tool")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: window.location.pathname }),
    // Nothing is stored, because the history would contain tokens.
    storage: null,
    defaultQuery: "{ files { edges { node { id name size status } } } }",
    defaultHeaders: JSON.stringify({ Authorization: `Bearer ${token ?? "<your token>"}` }, null, 2),
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
