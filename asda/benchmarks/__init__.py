"""Interfaces for the programs of public benchmarks of audio embeddings."""
