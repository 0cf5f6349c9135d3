"""Containers: what they are given, by option or by flag, and what their images need."""
