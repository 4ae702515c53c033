"""Each file of an input is listed once, by what it is, under one name; what is not read is named, what cannot be read is refused."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.listing import (
    NoSuchInput,
    hadoop_folders,
    hadoop_listing,
    input_path,
    local_folders,
    local_listing,
    name_below,
)


def names(where: Any) -> dict[str, str]:
    """Text of each listed file by its name, read from the path that is to be opened."""
    return {file.name: Path(file.path).read_text() for file in local_listing(str(where)).files}


def make(home: Path, files: dict[str, str], links: dict[str, str] | None = None) -> Path:
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    for name, target in (links or {}).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).symlink_to(target)
    return home


def test_a_file_has_its_own_name_however_many_links_lead_to_it(tmp_path: Path) -> None:
    home = make(tmp_path / "in", {"z.jsonl": "z", "deep/er/x.jsonl": "x"}, {"a.jsonl": "z.jsonl", "deep/b.jsonl": "../z.jsonl", "c.jsonl": "a.jsonl", "d": "deep/er"})
    os.link(home / "z.jsonl", home / "zz.jsonl")
    assert names(home) == {"z.jsonl": "z", "deep/er/x.jsonl": "x"}
    assert dict(local_listing(str(home)).left) == {
        **dict.fromkeys(("a.jsonl", "deep/b.jsonl", "c.jsonl", "zz.jsonl"), "linked to what is read as 'z.jsonl'"), "d": "linked to what is read as 'deep/er'",
    }  # fmt: skip


def test_a_file_outside_has_the_smallest_of_the_names_by_which_it_is_reached(tmp_path: Path) -> None:
    make(tmp_path / "out", {"x.jsonl": "x", "sub/y.jsonl": "y"}, {"home": "../in"})
    home = make(tmp_path / "in", {"plain.jsonl": "p"}, {"b": "../out", "a/x.jsonl": "../../out/x.jsonl", "c": "../out/sub"})
    assert names(home) == {"plain.jsonl": "p", "a/x.jsonl": "x", "b/sub/y.jsonl": "y"}
    assert dict(local_listing(str(home)).left) == {
        "b/x.jsonl": "linked to what is read as 'a/x.jsonl'", "b/home": "linked to the input itself", "c": "linked to what is read as 'b/sub'",
    }  # fmt: skip


def test_loops_and_links_to_nothing_are_named_and_nothing_else_is_lost(tmp_path: Path) -> None:
    links = {"self": "self", "a/up": "..", "a/root": "../..", "gone": "nowhere", "through": "x.jsonl/below", "a/self": "."}
    home = make(tmp_path / "in", {"x.jsonl": "x", "a/y.jsonl": "y"}, links)
    assert names(home) == {"x.jsonl": "x", "a/y.jsonl": "y"}
    assert set(dict(local_listing(str(home)).left)) == set(links)


def test_hidden_and_odd_entries_are_named_and_never_opened(tmp_path: Path) -> None:
    home = make(tmp_path / "in", {"x.jsonl": "x", "_SUCCESS": "", ".crc": "", "_tmp/y.jsonl": "y"}, {"v.jsonl": "_tmp/y.jsonl"})
    os.mkfifo(home / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(home / "sock"))
    assert names(home) == {"x.jsonl": "x", "v.jsonl": "y"}
    assert local_listing(str(home)).remark == "not read: 3 hidden ('.crc', '_SUCCESS', '_tmp'); 2 no regular file (socket, pipe or device) ('pipe', 'sock')"


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {"x.jsonl": "x"})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")).write_text("y")
    with pytest.raises(ConfigError, match=r"1 file names are no UTF-8 \('.*udcff.jsonl'\); rename them"):
        local_listing(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, {"x.jsonl": "x", "closed/y.jsonl": "y"})
    (tmp_path / "x.jsonl").chmod(0)
    with pytest.raises(ConfigError, match=r"1 files may not be read \('x.jsonl'\)"):
        local_listing(str(tmp_path))


@pytest.mark.parametrize("name", ["a b#1", "a%20b", "50%", "what?", "[x]*", "{a,b}", "中文 目录", "a:b", "line\nend", "~x", "quote'\"", "back\\slash", "a=b&c", "x.jsonl"])
def test_a_path_of_any_characters_is_taken_as_it_is_and_as_a_uri(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make(tmp_path / name, {"wet/x.jsonl": "x"})
    monkeypatch.chdir(tmp_path)
    wanted = local_listing(str(home))
    assert [file.name for file in wanted.files] == ["wet/x.jsonl"]
    assert (wanted.root, wanted.batch) == (str(home), name)
    spellings = [f"{home}/", f"{home}//", f"{tmp_path}//./{name}", f"{home}/../{name}", f"file://{quote(str(home))}", f"file:{quote(str(home))}/", f"./{name}"]
    assert all(local_listing(each) == wanted for each in spellings)
    assert "%" in name or local_listing(f"file://{home}") == wanted


def test_an_input_elsewhere_or_nowhere_is_said(tmp_path: Path) -> None:
    assert input_path("s3a://bucket/key") is None
    assert input_path("hdfs:/raw") is None
    with pytest.raises(ConfigError, match="a file: URI of the machine other"):
        local_listing("file://other/x")
    with pytest.raises(NoSuchInput, match="no such file or folder"):
        local_listing(str(tmp_path / "nothing"))
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(NoSuchInput, match="no such file or folder"):
        local_listing(str(tmp_path / "link"))


def test_one_file_is_an_input_of_its_own_name(tmp_path: Path) -> None:
    make(tmp_path, {"x.jsonl": "x"}, {"y.jsonl": "x.jsonl"})
    assert [(file.name, file.path) for file in local_listing(str(tmp_path / "x.jsonl")).files] == [("x.jsonl", str(tmp_path / "x.jsonl"))]
    found = local_listing(str(tmp_path / "y.jsonl"))
    assert (found.batch, found.root, found.files[0].name) == ("y.jsonl", str(tmp_path / "x.jsonl"), "y.jsonl")


def test_a_fingerprint_knows_root_name_size_and_time(tmp_path: Path) -> None:
    for home in ("a", "b"):
        make(tmp_path / home, {"x": "1", "y": "2"})
        for name in "xy":
            os.utime(tmp_path / home / name, ns=(0, 10**18))
    first = local_listing(str(tmp_path / "a")).fingerprint
    assert first == local_listing(str(tmp_path / "a")).fingerprint != local_listing(str(tmp_path / "b")).fingerprint
    os.utime(tmp_path / "a" / "x", ns=(0, 10**18 + 1000))
    assert local_listing(str(tmp_path / "a")).fingerprint != first
    os.utime(tmp_path / "a" / "x", ns=(0, 10**18))
    assert local_listing(str(tmp_path / "a")).fingerprint == first
    (tmp_path / "a" / "y").rename(tmp_path / "a" / "z")
    assert local_listing(str(tmp_path / "a")).fingerprint != first


def test_a_table_that_lost_rows_without_a_new_file_has_another_fingerprint(tmp_path: Path) -> None:
    make(tmp_path / "in", {"part-0.parquet": "", "_delta_log/00000000000000000000.json": "", "_delta_log/.s3-optimization-0": ""})
    before = local_listing(str(tmp_path / "in"))
    assert (before.commit, [file.name for file in before.files]) == ("00000000000000000000.json", ["part-0.parquet"])
    make(tmp_path / "in", {"_delta_log/00000000000000000001.json": ""})
    assert local_listing(str(tmp_path / "in")).fingerprint != before.fingerprint
    system = NameNode("/t/part-0.parquet", "/t/_delta_log/00000000000000000007.json", "/t/_delta_log/_last_checkpoint")
    assert hadoop_listing(system, HadoopPath("hdfs:///t"), lambda status: False).commit == "00000000000000000007.json"


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Folders and files in two trees (`in`, `out`), and links of either to anything in both, to itself or to nothing."""
    part = st.sampled_from(["a", "b", "a!", "_h", "文"])
    path = st.tuples(st.sampled_from(["in", "out"]), st.lists(part, min_size=1, max_size=3)).map(lambda pair: "/".join([pair[0], *pair[1]]))
    files = draw(st.lists(path.map(lambda name: f"{name}/f"), min_size=1, max_size=6, unique=True))
    places = sorted({*files, *("/".join(name.split("/")[:n]) for name in files for n in range(1, name.count("/") + 1)), "nowhere"})
    links = draw(st.lists(st.tuples(path, st.sampled_from(places)), max_size=6, unique_by=lambda link: link[0]))
    return files, {f"{name}/l{n}": (name, target) for n, (name, target) in enumerate(links)}


@settings(max_examples=150, deadline=None)
@given(tree=trees())
def test_of_any_tree_each_file_is_read_once_and_every_entry_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    home = tmp_path_factory.mktemp("tree")
    files, links = tree
    make(home, {name: name for name in (*files, "in/always", "out/always")})
    for name, (_, target) in links.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).symlink_to(home / target)
    found = local_listing(str(home / "in"))
    again = {file.name: file for file in found.files}
    assert len(again) == len(found.files), "a name stands for one file"
    identities = [os.stat(file.path).st_ino for file in found.files]
    assert len(set(identities)) == len(identities), "a file has one name"
    assert all(os.path.samefile(home / "in" / name, file.path) for name, file in again.items()), "the name leads to the file"
    plain = {name.removeprefix("in/") for name in (*files, "in/always") if name.startswith("in/") and "/_" not in name}
    assert plain <= set(again), "what is there without a link has its own name"
    told = {name for name, _ in found.left}
    for folder, below, held in os.walk(home / "in"):
        for name in (*held, *(each for each in below if os.path.islink(f"{folder}/{each}"))):
            entry = os.path.relpath(f"{folder}/{name}", home / "in")
            ways = ["/".join(entry.split("/")[:n]) for n in range(1, entry.count("/") + 2)]
            is_reached = any(other.startswith(entry + "/") for other in {*again, *told})
            is_empty = os.path.isdir(f"{folder}/{name}") and not os.listdir(f"{folder}/{name}")
            assert entry in again or told & set(ways) or is_reached or is_empty, entry
    shutil.rmtree(home)


# --- folders that are batches


def test_folders_are_batches_each_once_and_what_lies_beside_them_is_named(tmp_path: Path) -> None:
    home = make(tmp_path / "in", {"zh/x": "", "en/x": "", "_SUCCESS": "", "_old/x": ""}, {"latest": "zh", "other": "../out", "up": "..", "gone": "nowhere"})
    make(tmp_path / "out", {"x": ""})
    found, left = local_folders(f"{home}//")
    assert [(folder.name, folder.where, folder.root) for folder in found] == [
        ("en", f"{home}/en", f"{home}/en"), ("other", f"{home}/other", f"{tmp_path}/out"), ("zh", f"{home}/zh", f"{home}/zh"),
    ]  # fmt: skip
    assert {name for name, _ in left} == {"_SUCCESS", "_old", "latest", "up", "gone"}
    (home / "loose.jsonl").write_text("")
    with pytest.raises(ConfigError, match=r"1 files beside the folders belong to no batch \('loose.jsonl'\).*move them into a folder"):
        local_folders(str(home))
    with pytest.raises(ConfigError, match="no folders below it"):
        local_folders(str(tmp_path / "out"))


# --- what Hadoop's file systems answer


class Uri:
    def __init__(self, text: str) -> None:
        self.text = text

    def getPath(self) -> str:  # noqa: N802
        rest = self.text.split("://", 1)[-1]
        return "/" + rest.split("/", 1)[1] if "://" in self.text else rest


class HadoopPath(Uri):
    def toUri(self) -> Uri:  # noqa: N802
        return Uri(self.text)

    def toString(self) -> str:  # noqa: N802
        return self.text

    def getName(self) -> str:  # noqa: N802
        return self.text.rstrip("/").rsplit("/", 1)[-1]


class Status:
    def __init__(self, path: str, is_folder: bool = False) -> None:
        self.path, self.is_folder = path, is_folder

    def getPath(self) -> HadoopPath:  # noqa: N802
        return HadoopPath(self.path)

    def isDirectory(self) -> bool:  # noqa: N802
        return self.is_folder

    def getLen(self) -> int:  # noqa: N802
        return len(self.path)

    def getModificationTime(self) -> int:  # noqa: N802
        return 1_700_000_000_123

    def getEtag(self) -> str:  # noqa: N802
        return f"etag of {self.path}"


class NameNode:
    """Answers as HDFS does: with the whole authority, whatever the question had."""

    home = "hdfs://nn1.example:8020"

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def makeQualified(self, path: HadoopPath) -> HadoopPath:  # noqa: N802
        return HadoopPath(self.home + path.getPath().rstrip("/"))

    def listFiles(self, path: HadoopPath, is_deep: bool) -> Any:  # noqa: N802
        assert is_deep
        return Walk([Status(self.home + name) for name in self.paths])

    def listStatus(self, path: HadoopPath) -> list[Status]:  # noqa: N802
        base = path.getPath().rstrip("/") + "/"
        heads = {name[len(base) :].split("/")[0]: "/" in name[len(base) :] for name in self.paths if name.startswith(base)}
        return [Status(f"{self.home}{base}{head}", is_folder) for head, is_folder in sorted(heads.items())]


class Walk:
    def __init__(self, found: list[Status]) -> None:
        self.found = found

    def hasNext(self) -> bool:  # noqa: N802
        return bool(self.found)

    def next(self) -> Status:
        return self.found.pop(0)


@pytest.mark.parametrize("where", ["hdfs:///_raw/.2026", "hdfs://nn1.example:8020/_raw/.2026/", "hdfs://alias/_raw/.2026"])
def test_names_are_cut_from_paths_whatever_authority_the_listing_spells_out(where: str) -> None:
    system = NameNode("/_raw/.2026/wet/a.wet.gz", "/_raw/.2026/b c#1.jsonl", "/_raw/.2026/_SUCCESS", "/_raw/.2026/_tmp/x")
    found = hadoop_listing(system, HadoopPath(where), lambda status: True)
    assert [(file.name, file.path) for file in found.files] == [
        ("b c#1.jsonl", f"{system.home}/_raw/.2026/b c#1.jsonl"), ("wet/a.wet.gz", f"{system.home}/_raw/.2026/wet/a.wet.gz"),
    ]  # fmt: skip
    assert (found.root, found.batch) == (f"{system.home}/_raw/.2026", ".2026")
    assert found.files[0].etag == f"etag of {found.files[0].path}"
    assert found.files[0].modified == 1_700_000_000_123_000
    assert {name for name, _ in found.left} == {"_SUCCESS", "_tmp/x"}
    assert hadoop_listing(system, HadoopPath(where), lambda status: False).files[0].etag is None


def test_folders_of_any_file_system_are_batches() -> None:
    found, left = hadoop_folders("hdfs:///raw", NameNode("/raw/zh/x", "/raw/en/x", "/raw/_SUCCESS"), HadoopPath("hdfs:///raw"))
    assert [(folder.name, folder.root) for folder in found] == [("en", "hdfs://nn1.example:8020/raw/en"), ("zh", "hdfs://nn1.example:8020/raw/zh")]
    assert left == [("_SUCCESS", "hidden")]
    with pytest.raises(ConfigError, match="'loose'"):
        hadoop_folders("hdfs:///raw", NameNode("/raw/zh/x", "/raw/loose"), HadoopPath("hdfs:///raw"))


def test_a_single_file_has_its_own_name_and_what_is_outside_is_refused() -> None:
    assert name_below("/raw/x.jsonl", "/raw/x.jsonl") == "x.jsonl"
    with pytest.raises(ConfigError, match="listed below /raw, where it does not stand"):
        name_below("/raw", "/rawer/x")
