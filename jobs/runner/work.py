"""Which documents a run looks at: whole batches, and of batches it knows those about which the judges
changed their word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Work:
    """What a run looks at. `whole`: batches of which it looks at every kept document.

    The others at hand it has looked at before, and of what it reads only verdicts of judges that it
    skip_rejected_by have changed since: `entered` (doc_id, batch_id) are their documents that were left out
    then and are kept now, `left` those that were kept then and are left out now; None where there are none.
    """

    whole: tuple[str, ...]
    entered: DataFrame | None = None
    left: DataFrame | None = None

    def is_nothing(self) -> bool:
        """Whether neither a document has to be looked at nor a row of one to go."""
        return not self.whole and self.entered is None and self.left is None

    def is_part_of(self, batches: tuple[str, ...]) -> bool:
        """Whether rows of some of the `batches` at hand stay as they are."""
        return self.whole != batches


def unused_by(params: Any) -> frozenset[str]:
    """Tables that a job looks at by other recipes than `params`, and which therefore make nothing stale."""
    return params.unused_tables() if hasattr(params, "unused_tables") else frozenset()
