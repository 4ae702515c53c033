"""moto's S3 server, one request at a time: its conditional put looks and writes in two steps, which a store does in one.

Run by the Python of .venv-cluster, with moto_server's arguments.
"""

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto import server

LOCK = threading.Lock()


class OneAtATime(server.DomainDispatcherApplication):  # type: ignore[misc]
    """The application behind one lock."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with LOCK:
            return super().__call__(environ, start_response)


server.DomainDispatcherApplication = OneAtATime
server.main(sys.argv[1:])
