"""Evaluation of frozen encoders by probes on cached embeddings."""
