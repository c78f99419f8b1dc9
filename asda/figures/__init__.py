"""Figures of what a model attends to, sees, predicts and knows, and of its training."""
