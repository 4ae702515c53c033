"""The sentinels of fill-in-the-middle training, as a recipe names them.

mix_corpus inserts them into a text; export_shards recognises such texts by them.
"""

from __future__ import annotations

from pydantic import model_validator

from gristmill.jobs.core.config import Strict
from gristmill.udfs.edit.fim import Sentinels


class Marks(Strict):
    """The strings before the three parts of a text. Raises ValueError unless all differ and none contains
    another."""

    prefix: str
    middle: str
    suffix: str

    @model_validator(mode="after")
    def _apart(self) -> Marks:
        # The kernel's own check, so that a recipe and the kernel cannot disagree.
        self.sentinels()
        return self

    def sentinels(self) -> Sentinels:
        """The sentinels in the form that the kernels take."""
        return Sentinels(self.prefix, self.middle, self.suffix)
