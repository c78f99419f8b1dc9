"""One page about an experiment: settings, curves, results, and clips to listen to."""
