"""The Nix language: syntax, strings, edits and static resolution. Knows nothing of NixOS."""
