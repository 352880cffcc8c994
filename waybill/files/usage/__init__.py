"""What an owner's files take: quotas, kept sums, and the walk that mends both."""
