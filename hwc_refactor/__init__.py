"""Codemods that make NixOS configurations safe and maintainable."""

__version__ = "0.1.0"
