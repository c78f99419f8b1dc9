"""One page about an experiment: settings, curves, results, and the clips that can be heard."""
