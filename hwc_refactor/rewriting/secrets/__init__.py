"""Secrets become credentials, with all that writes and reads them."""
