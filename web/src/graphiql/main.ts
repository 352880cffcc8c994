import "graphiql/style.css";
import "./graphiql.css";
import "./workers";
import { GraphiQL } from "graphiql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { EXAMPLE } from "./example";
import { fetcher } from "./fetcher";
import { authorization, storage } from "./token";

createRoot(document.getElementById("app")!).render(
  createElement(GraphiQL, {
    fetcher,
    storage,
    defaultQuery: EXAMPLE,
    defaultHeaders: JSON.stringify({ Authorization: authorization }, null, 2),
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
