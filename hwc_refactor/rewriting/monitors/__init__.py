"""A health check in the words of the shared module."""
