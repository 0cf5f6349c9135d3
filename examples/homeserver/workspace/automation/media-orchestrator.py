"""Tell the *arr applications that something finished downloading.

The download clients append one JSON object a line to an events file:

    {"category": "movies", "path": "/downloads/movies/Some Film"}

For each line the application of that category is asked to look at the path.
Nothing is moved, renamed or deleted here.
"""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EVENTS_FILE = Path(os.environ.get("EVENTS_FILE", "/mnt/hot/events/downloads.ndjson"))
POLL_SECONDS = 2.0

radarr_api_key = os.environ["RADARR_API_KEY"]
sonarr_api_key = os.environ["SONARR_API_KEY"]
lidarr_api_key = os.environ["LIDARR_API_KEY"]
prowlarr_api_key = os.environ["PROWLARR_API_KEY"]


@dataclass(frozen=True)
class Application:
    """One *arr application and the command that makes it look again."""

    name: str
    url: str
    key: str
    command: str

    def nudge(self, path: str | None) -> None:
        """Send the command; raises OSError when the application does not take it."""
        body = {"name": self.command} | ({"path": path} if path else {})
        request = urllib.request.Request(
            f"{self.url}/command",
            data=json.dumps(body).encode(),
            headers={"X-Api-Key": self.key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):
            print(f"{self.name}: {self.command} {path or ''}".rstrip(), flush=True)


APPLICATIONS = {
    "movies": Application("radarr", "http://localhost:7878/api/v3", radarr_api_key, "DownloadedMoviesScan"),
    "tv": Application("sonarr", "http://localhost:8989/api/v3", sonarr_api_key, "DownloadedEpisodesScan"),
    "music": Application("lidarr", "http://localhost:8686/api/v1", lidarr_api_key, "DownloadedAlbumsScan"),
    "indexers": Application(
        "prowlarr", "http://localhost:9696/api/v1", prowlarr_api_key, "ApplicationIndexerSync"
    ),
}


def new_lines(path: Path) -> Iterator[str]:
    """Yield lines appended from now on; start over when the file was rotated."""
    offset = path.stat().st_size if path.exists() else 0
    while True:
        size = path.stat().st_size if path.exists() else 0
        if size < offset:
            offset = 0
        if size > offset:
            with path.open("rb") as events:
                events.seek(offset)
                chunk = events.read()
            complete = chunk.rfind(b"\n") + 1
            offset += complete
            yield from chunk[:complete].decode(errors="replace").splitlines()
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Follow the events file for ever."""
    for line in new_lines(EVENTS_FILE):
        try:
            event = json.loads(line)
            application = APPLICATIONS[event["category"]]
            application.nudge(event.get("path"))
        except (ValueError, KeyError, TypeError) as problem:
            print(f"ignored {line!r}: {problem!r}", file=sys.stderr, flush=True)
        except OSError as problem:
            print(f"{application.name}: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
