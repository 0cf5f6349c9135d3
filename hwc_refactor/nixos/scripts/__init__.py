"""What a service runs, and what is known of what it does."""
