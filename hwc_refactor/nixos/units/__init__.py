"""Units of systemd: what they amount to, who names them, how they are restarted."""
