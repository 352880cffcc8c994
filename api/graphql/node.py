"""The interface that Relay refetches things by.

Source: GraphQL Global Object Identification, https://relay.dev/graphql/objectidentification.htm
"""

import strawberry


@strawberry.interface(description="Something with an id that no other thing has, of whatever type.")
class Node:
    id: strawberry.ID
