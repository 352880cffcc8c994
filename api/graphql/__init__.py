"""The GraphQL face, mounted at /graphql."""
