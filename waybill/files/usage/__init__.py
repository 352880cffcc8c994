"""The storage that an owner uses: quotas, stored sums, and the walk that corrects both."""
