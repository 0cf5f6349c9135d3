"""Paths of the host: which ones a service reaches for, who owns them, which systemd could keep."""
