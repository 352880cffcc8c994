"""The interface that Relay refetches things by.

Source: GraphQL Global Object Identification, https://relay.dev/graphql/objectidentification.htm
"""

import strawberry


@strawberry.interface(description="An object with an id that is unique among all types.")
class Node:
    id: strawberry.ID
