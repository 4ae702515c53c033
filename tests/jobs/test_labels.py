"""A label is trimmed and folded wherever labels are compared; one that nobody names is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from gristmill.jobs import filter_rules
from gristmill.jobs.core.routes import Label, Matches, folded, folded_column, log_unnamed

SPELLINGS = ("web", "Web", " WEB ", "\tweb\n", "ｗｅｂ", "\u3000Ｗeb\xa0")


@pytest.mark.parametrize("label", SPELLINGS)
def test_a_label_has_one_spelling(label: str) -> None:
    assert folded(label) == "web"
    assert Matches(lang=["ZH ", "Any"], domain=[label]).model_dump() == {
        "lang": ["zh", "any"],
        "domain": ["web"],
    }
    assert TypeAdapter(dict[Label, Label]).validate_python({label: label}) == {"web": "web"}


def test_routes_and_languages_of_a_recipe_are_folded(params_of: Any) -> None:
    spelt = [
        {"lang": [" EN"], "domain": ["Code"], "presets": []},
        {"lang": ["Any"], "domain": ["ANY"], "presets": []},
    ]
    plan = params_of("filter_rules", routes=spelt, languages=["EN", "Zh "]).plan()
    assert [(route.langs, route.domains) for route in plan.routes] == [(("en",), ("code",)), (None, None)]
    assert plan.languages == ("en", "zh")


@pytest.mark.spark
def test_a_column_is_folded_as_a_recipe_is(spark: Any) -> None:
    from pyspark.sql import functions as F

    labels = [*SPELLINGS, "", " ", "Q & A", "数学 ", "МАТ", None]
    rows = (
        spark.createDataFrame([(label,) for label in labels], "label string")
        .select("label", folded_column(F.col("label")))
        .collect()
    )
    assert [row[1] for row in rows] == [None if row[0] is None else folded(row[0]) for row in rows]


def test_a_domain_that_no_route_names_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    log_unnamed(filter_rules.JOB.name, [("wbe", 1200), ("wiki", 3)])
    assert (
        capsys.readouterr().err
        == "filter_rules: domains that no route names go by the routes for any: wbe (1,200 documents), wiki (3 documents)\n"
    )
    log_unnamed(filter_rules.JOB.name, [])
    assert capsys.readouterr().err == ""
