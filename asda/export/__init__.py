"""Models in the formats of other programs, each reloaded and compared before it is kept."""
