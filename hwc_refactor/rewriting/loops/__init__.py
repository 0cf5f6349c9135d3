"""A loop becomes a oneshot service and a timer."""
