"""Lists of sensitive words, as files of a recipe (conf/lists)."""

from __future__ import annotations

from pydantic import model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.packages import is_installed
from gristmill.udfs.scoring.sensitive import WordList, automaton


class ListFile(Strict):
    """A list of terms (conf/lists/*.yaml)."""

    name: str
    weights: dict[str, float]
    terms: dict[str, list[str]]
    allow: list[str]

    @model_validator(mode="after")
    def _sound(self) -> ListFile:
        wrong = sorted(set(self.terms) ^ set(self.weights))
        wrong += [name for name, weight in self.weights.items() if not 0 < weight <= 1]
        if wrong:
            of = ", ".join(wrong)
            raise ValueError(f"categories {of}: wanted each with terms and with a weight above 0 and up to 1")
        # Without the package the list cannot be built;
        # need_packages then reports it with the job's name.
        if is_installed("ahocorasick"):
            automaton(self.words())
        return self

    def words(self) -> WordList:
        """The list in the form that the kernel takes."""
        terms = tuple((term, category) for category, some in self.terms.items() for term in some)
        return WordList(self.name, terms, tuple(self.weights.items()), tuple(self.allow))


def load_list(path: str) -> ListFile:
    """Read a list. Raises ConfigError when the file does not exist or is not a valid list."""
    return validate(ListFile, load_yaml(find_file(path)), path)
