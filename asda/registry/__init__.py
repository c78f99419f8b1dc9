"""Models known by a name: where they are published, and the cache of those that were fetched."""
