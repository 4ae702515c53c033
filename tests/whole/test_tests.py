"""The tests themselves: none of them holds whatever the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.weak_tests import weaknesses

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests").rglob("test_*.py"))
# What makes a test weak, and the same with teeth.
WEAK = {
    "asserts nothing": ("draw(1)", "assert draw(1)"),
    "takes any exception": ("with pytest.raises(Exception): draw(1)", 'with pytest.raises(Exception, match="no"): draw(1)'),
    "compares with itself": ("assert draw(1) == draw(1)", "assert draw(1) == draw(2)"),
    "`or name == 'x'` lets a case through": ("assert draw(1) or name == 'x'", "assert draw(1) or draw(2)"),
    "`or key in ('x', 'y')` lets a case through": ("assert draw(1) or key in ('x', 'y')", "assert key in ('x', 'y')"),
    "`or sys.platform != 'linux'` lets a case through": ("assert draw(1) or sys.platform != 'linux'", "assert draw(1)"),
    "holds where nothing is found: row.n > 2": ("for row in read():\n        assert row.n > 2", "for n in (1, 2):\n        assert n > 2"),
    "holds where nothing is found: all(": ("assert all(row.n for row in read())", "rows = read()\n    assert rows\n    assert all(row.n for row in rows)"),
    "holds where nothing is found: not [": ("assert not [row for row in read()]", "assert [row for row in read()] == []"),
}


@pytest.mark.parametrize("why", WEAK)
def test_a_weak_test_is_found_and_one_with_teeth_is_not(why: str) -> None:
    weak, strong = (f"def test_it():\n    {body}\n" for body in WEAK[why])
    assert weaknesses(weak)["test_it"].startswith(why)
    assert weaknesses(strong) == {}


def test_a_helper_may_assert_for_a_test() -> None:
    helper = "def same(a, b):\n    {}\n\ndef test_it():\n    same(1, 2)\n"
    assert weaknesses(helper.format("assert a == b")) == {}
    assert weaknesses(helper.format("return a == b")) == {"test_it": "asserts nothing"}


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT / "tests")) for path in FILES])
def test_no_test_holds_whatever_the_code_does(path: Path) -> None:
    assert weaknesses(path.read_text(encoding="utf-8")) == {}
