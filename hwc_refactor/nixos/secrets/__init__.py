"""Secrets: where they are declared, who reads them, and which ways they take."""
