"""What a person sees in a browser: GraphiQL, the REST docs, the front page."""
