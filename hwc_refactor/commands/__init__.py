"""The commands: each a thin layer between the command line and the engine."""
