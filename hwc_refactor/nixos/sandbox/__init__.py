"""The sandbox of a service: what it bears, and how exposed it is."""
