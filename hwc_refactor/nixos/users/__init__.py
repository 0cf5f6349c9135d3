"""As whom services run, and whether one could have a user of its own."""
