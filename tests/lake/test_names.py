"""A lake's name is a path or a schema, by one rule; what is neither is an error that gives both spellings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.lake.names import folder_of, inside, lake_name, local_path, quoted_name, volume_of


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("gm", ("gm",)),
        ("spark_catalog.gm", ("spark_catalog", "gm")),
        ("spark_catalog.my-lake", ("spark_catalog", "my-lake")),
        ("spark_catalog.`my-lake`", ("spark_catalog", "my-lake")),
        ("my-catalog.gold", ("my-catalog", "gold")),
        ("main.team.gold", ("main", "team", "gold")),
        ("lakes.v2", ("lakes", "v2")),
        ("目录.语料", ("目录", "语料")),
        ("`a.b`.`c``d`", ("a.b", "c`d")),
        ("2026.7", ("2026", "7")),
    ],
)
def test_one_two_or_three_words_are_a_schema_with_or_without_backticks(
    given: str, parts: tuple[str, ...]
) -> None:
    name = lake_name(given)
    assert (name.parts, name.local, name.root) == (parts, None, "")
    assert name.sql == ".".join(quoted_name(part) for part in parts)


@pytest.mark.parametrize(
    "given", ["", " ", "a#1", "a b", "a?b", "a%20b", "a.b.c.d", "a..b", "a.", "it's", "a*b", "`a", "a=b"]
)
def test_what_is_neither_a_path_nor_a_schema_is_refused_with_both_spellings(given: str) -> None:
    with pytest.raises(ConfigError) as told:
        lake_name(given)
    assert "./" in str(told.value)
    assert "spark_catalog." in str(told.value)


@pytest.mark.parametrize(
    "given", ["./gm", "lakes/a.b", "/data/gm", "lakes/a#1", "./a?b", "x/a%zz", ".", "./c d", "x/a:b", "x/*"]
)
def test_what_holds_a_slash_or_begins_with_a_dot_is_a_folder_named_as_it_stands(given: str) -> None:
    name = lake_name(given)
    assert name.parts == ()
    assert name.local == Path.cwd().joinpath(given).resolve()
    assert name.root == str(name.local)


@pytest.mark.parametrize(
    "given", ["x/a%41", "x/a%201", "./[y", "./y]", "./a^b", "./a|b", "./b\\s", "file:///a%255Bb/x"]
)
def test_a_folder_that_delta_rs_would_look_for_elsewhere_is_refused_by_name(given: str) -> None:
    with pytest.raises(ConfigError, match="rename the folder"):
        lake_name(given)


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lake_name("~/lake").local == tmp_path / "lake"
    assert lake_name("~").local == tmp_path
    with pytest.raises(ConfigError, match="no-such-user"):
        lake_name("~no-such-user/lake")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("file:///a/b%20c%231", "/a/b c#1"),
        ("file:/a/b", "/a/b"),
        ("file://localhost/a/", "/a"),
        ("file:///a b#1", "/a b#1"),
        ("file:///a/%E6%B3%89", "/a/泉"),
    ],
)
def test_a_file_uri_is_decoded(given: str, path: str) -> None:
    assert lake_name(given).local == Path(path)


@pytest.mark.parametrize(
    "given", ["file:lake/x", "file://host/a", "./a\nb", "./a\x00", "./a\udcff", "s3a://b/a\tb"]
)
def test_what_no_file_system_keeps_is_refused_by_name(given: str) -> None:
    with pytest.raises(ConfigError, match=r"lake .*a"):
        lake_name(given)


@pytest.mark.parametrize(
    "given", ["s3a://bucket/lake/", "hdfs:///lake", "abfss://c@a.dfs.core.windows.net/lake", "gs://b/l"]
)
def test_a_url_is_spark_s_to_read(given: str) -> None:
    name = lake_name(given)
    assert (name.parts, name.local, name.root) == ((), None, given.rstrip("/"))


PATHS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=12
)


@given(PATHS.filter(lambda text: text not in (".", "..")))
@example("a#1")
@example("%20")
def test_a_plain_path_is_never_cut_nor_decoded(name: str) -> None:
    assert local_path(f"/no-such-folder/{name}/x") == Path(f"/no-such-folder/{name}/x")


@given(st.lists(PATHS, min_size=1, max_size=3), st.lists(PATHS, min_size=1, max_size=3))
@example(["a.b"], ["a", "b"])
@example(["a%2Eb"], ["a.b"])
def test_no_two_schemas_share_a_folder(one: list[str], other: list[str]) -> None:
    assert (folder_of(tuple(one)) == folder_of(tuple(other))) == (one == other)
    assert "/" not in folder_of(tuple(one))


@pytest.mark.parametrize(
    "given", ["lakes/a#1", "~/a b", "file:///a/b%20c%231", "file:/a?b", "/a/%zz", "s3://b/l"]
)
def test_the_worker_opens_the_folder_that_the_jobs_made(given: str) -> None:
    from gristmill.synth_worker.queue.store import Store

    store, name = Store(given, "w"), lake_name(given)
    assert (store.local.resolve() if store.local else None) == name.local
    assert Path(store.root).resolve() == Path(name.root).resolve()


@pytest.mark.parametrize("path", ["_models/a.model", "_models/x/..y", "..a/b", "a~b", "文件"])
def test_a_path_in_a_table_is_one_below_the_lake(path: str, tmp_path: Path) -> None:
    assert inside(str(tmp_path), tmp_path, path) == f"{tmp_path}/{path}"
    assert inside("s3a://b/lake", None, path) == f"s3a://b/lake/{path}"


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "~/x", "file:/etc/passwd", "file:x", "s3a://other/x", "S3A:x", "abfss:x"],
)
def test_a_path_in_a_table_that_leads_elsewhere_is_refused(path: str, tmp_path: Path) -> None:
    for root, local in ((str(tmp_path), tmp_path), ("s3a://b/lake", None)):
        with pytest.raises(ContractError, match="leads out of the lake"):
            inside(root, local, path)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "..", ".", "", "link", "file:"]), max_size=5).map("/".join))
def test_no_path_that_is_taken_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    home = tmp_path_factory.getbasetemp() / "inside"
    (home / "lake/a").mkdir(parents=True, exist_ok=True)
    for where in ("lake/link", "lake/a/link"):
        if not (home / where).is_symlink():
            (home / where).symlink_to(home)
    try:
        taken = inside(str(home / "lake"), home / "lake", path)
    except ContractError:
        return
    assert Path(taken).resolve().is_relative_to(home / "lake")


def test_files_of_a_schema_lie_in_its_volume_where_it_has_one(tmp_path: Path) -> None:
    volume = tmp_path / "main/my lake/gristmill"
    volume.mkdir(parents=True)
    assert volume_of(("main", "my lake"), tmp_path) == volume
    assert volume_of(("main", "other"), tmp_path) is None
    assert volume_of(("main",), tmp_path) is None
