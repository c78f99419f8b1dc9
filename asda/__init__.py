"""asda: self-supervised audio representations with differential attention."""

__version__ = "0.1.0"
