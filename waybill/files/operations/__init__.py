"""Operations on whole folders: accepted at once, carried out by a worker in bounded steps."""
