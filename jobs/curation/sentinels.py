"""The sentinels of filling in the middle, as a recipe names them: mix_corpus cuts with them,
export_shards tells the texts with them."""

from __future__ import annotations

from pydantic import model_validator

from gristmill.jobs.core.config import Strict
from gristmill.udfs.edit.fim import Sentinels


class Marks(Strict):
    """What stands before the three parts; all different, none inside another."""

    prefix: str
    middle: str
    suffix: str

    @model_validator(mode="after")
    def _apart(self) -> Marks:
        self.sentinels()
        return self

    def sentinels(self) -> Sentinels:
        """As the kernels take them."""
        return Sentinels(self.prefix, self.middle, self.suffix)
