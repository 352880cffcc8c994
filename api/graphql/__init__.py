"""GraphQL, mounted at /graphql."""
