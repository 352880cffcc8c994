"""The browser pages: GraphiQL, the REST documentation, and the front page."""
