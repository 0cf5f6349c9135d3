"""The loop of a service: where it is, how it is made, and whether a timer could take its place."""
