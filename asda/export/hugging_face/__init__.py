"""Code that travels with models exported for Hugging Face transformers, which it needs."""
