"""Public benchmarks of audio embeddings: what their programs call."""
