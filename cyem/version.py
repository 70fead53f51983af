"""The version of cyem."""

__version__ = "0.1.0"
