"""What parsers, nix and systemd say of a text or a unit before and after it is rewritten."""
