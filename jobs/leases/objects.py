"""Registers of leases as objects of S3, which writes an object only if it is absent or as it was seen
(conditional put).

Hadoop's S3A of Spark 3.5 and 4.0 cannot ask for that, and so neither can Delta's log store: its check and
its put are two requests. obstore is the client that delta-rs is built on; like it and pyarrow, it takes
credentials, region and endpoint from the environment (or the machine's role).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gristmill.jobs.core.errors import ConfigError, RetryLater
from gristmill.jobs.core.packages import advice
from gristmill.jobs.leases.lease import Seen, Terms

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEMES = ("s3://", "s3a://", "s3n://")
# A request takes .02 to .2 s, so a dead driver costs a minute, a live one six seconds.
TERMS = Terms(seconds=60.0, beat_seconds=6.0, poll_seconds=0.3)
# of one request, and of its repetitions: a driver must notice in time that the store is gone
TIMEOUT, RETRY_SECONDS = "5s", 15


@functools.lru_cache(maxsize=8)
def store_of(bucket: str) -> S3Store:
    """The client of a bucket. Raises ConfigError where obstore is not installed."""
    try:
        from obstore.store import S3Store
    except ImportError:
        raise ConfigError(
            f"s3://{bucket}: a lake on S3 needs the package obstore, by which two drivers keep apart; "
            f"{advice('obstore')}"
        ) from None
    # The options replace those that it would take from the environment.
    is_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
    return S3Store(
        bucket,
        client_options={"timeout": TIMEOUT, "allow_http": is_http},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


class ObjectRegister:
    """The object at `url` (s3a://bucket/key)."""

    def __init__(self, url: str) -> None:
        bucket, _, self.key = url.split("://", 1)[1].partition("/")
        self.url, self.store = url, store_of(bucket)

    def read(self) -> Seen | None:
        """See Register. Raises RetryLater where the store does not answer, ConfigError where it refuses."""
        import obstore

        try:
            with self._answered():
                found = obstore.get(self.store, self.key)
                return Seen(bytes(found.bytes()).decode(), str(found.meta["e_tag"]))
        except FileNotFoundError:
            return None

    def swap(self, seen: Seen | None, text: str) -> Seen | None:
        """See Register. Raises as `read` does."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = "create" if seen is None else {"e_tag": seen.tag}
        try:
            with self._answered():
                made = obstore.put(self.store, self.key, text.encode(), mode=mode)
                return Seen(text, str(made["e_tag"]))
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return None

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise ConfigError(
                f"{self.url}: the store refuses ({_first_line(error)}); mend the credentials in the "
                "environment (AWS_ACCESS_KEY_ID and the like) or the rights of the place"
            ) from error
        except exceptions.NotSupportedError as error:
            raise ConfigError(
                f"{self.url}: the store knows no conditional put ({_first_line(error)}), by which two "
                "drivers keep apart; use one that does (docs/platforms.md)"
            ) from error
        except exceptions.BaseError as error:
            raise RetryLater(
                f"{self.url}: no answer of the store ({_first_line(error)}); run the same command again when "
                "it answers, or mend AWS_ENDPOINT_URL and AWS_REGION"
            ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
