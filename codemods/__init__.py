"""The codemods, one file each. A file is found by being here."""
