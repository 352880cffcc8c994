"""The interface with which Relay refetches objects.

Source: GraphQL Global Object Identification, https://relay.dev/graphql/objectidentification.htm
"""

import strawberry


@strawberry.interface(description="An object with an id that is unique among all types.")
class Node:
    id: strawberry.ID
