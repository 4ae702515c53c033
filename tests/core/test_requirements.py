"""What the package asks for: each platform's list, the pins and the locked files agree with setup.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.platform_lists import LISTS, listed
from tests.support.requirements import declared

ROOT = Path(__file__).resolve().parents[2]
PINNED = {"spark35": ("", "spark35", "dev"), "spark41": ("", "spark41", "test")}


def pins(path: Path) -> dict[str, str]:
    """Package in lower case with dashes -> version; of `name~=version` its lowest version."""
    found = re.findall(r"^([\w.-]+)(?:==|~=)([^\s;\\]+)", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[._]", "-", name).lower(): version for name, version in found}


def needs(*extras: str) -> list[Requirement]:
    return [Requirement(text) for extra in extras for text in declared()[extra]]


def key(need: Requirement) -> str:
    return re.sub(r"[._]", "-", need.name).lower()


@pytest.mark.parametrize("name", LISTS)
def test_what_a_platform_has_installed_is_new_enough(name: str) -> None:
    have = pins(ROOT / f"conf/constraints/{name}.txt")
    assert {"numpy", "pandas", "pyarrow", "pydantic", "scikit-learn"} <= set(have)
    too_old = {f"{need}: {have[key(need)]}" for need in needs("", "curate") if key(need) in have and not need.specifier.contains(have[key(need)], prereleases=True)}
    assert too_old == set()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_says_where_it_is_from(name: str) -> None:
    head = (ROOT / f"conf/constraints/{name}.txt").read_text(encoding="utf-8").split("\n", 3)[:2]
    assert re.search(r"at commit [0-9a-f]{40}, read on 20\d\d-\d\d-\d\d", head[1])


def test_a_line_of_a_list_that_is_no_pin_is_an_error() -> None:
    assert listed("# about\n\nnumpy~=2.1.3\nanyio~=4.6.2\n") == ["anyio~=4.6.2", "numpy~=2.1.3"]
    with pytest.raises(ValueError, match="'numpy>=2' is not a pin"):
        listed("numpy>=2\n")


@pytest.mark.parametrize("line", PINNED)
def test_every_requirement_is_pinned_for_development(line: str) -> None:
    have = pins(ROOT / f"conf/constraints/{line}.txt")
    assert [str(need) for need in needs(*PINNED[line]) if key(need) not in have] == []
    assert [str(need) for need in needs(*PINNED[line]) if not need.specifier.contains(Version(have[key(need)]))] == []


def test_heavy_packages_are_in_no_extra_of_the_demo() -> None:
    heavy = {"torch", "transformers", "vllm", "spark-nlp", "matplotlib", "deltalake", "fastwarc", "kenlm", "pyspark"}
    assert heavy & {key(need) for need in needs("", "demo")} == set()
    assert len(needs("", "demo")) == len({key(need) for need in needs("", "score", "embed", "crawl")}) + 1, "only pyahocorasick is in two extras"


LOCKS = {"spark35": ("spark35", ("", "spark35", "demo")), "spark41": ("spark41", ("", "spark41", "demo")), "worker": ("spark35", ("", "worker"))}


@pytest.mark.parametrize("name", LOCKS)
def test_locked_packages_are_the_pinned_ones_each_with_a_hash(name: str) -> None:
    """`make lock` after a change of setup.py or of a pin."""
    line, extras = LOCKS[name]
    path = ROOT / f"conf/locks/{name}.txt"
    locked, pinned = pins(path), pins(ROOT / f"conf/constraints/{line}.txt")
    assert [str(need) for need in needs(*extras) if key(need) not in locked] == []
    assert {package: version for package, version in locked.items() if package in pinned and pinned[package] != version} == {}
    blocks = re.split(r"^(?=[\w.-]+==)", path.read_text(encoding="utf-8"), flags=re.M)[1:]
    assert len(blocks) == len(locked)
    assert [block for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []
