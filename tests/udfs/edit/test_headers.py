"""What states a copyright or licence at the head of a source file goes; code, and comments that say something else, stay."""

import time
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.edit.headers import find_headers, header_spans

APACHE = ["Copyright 2024 The Mill Authors", "", 'Licensed under the Apache License, Version 2.0 (the "License");', "you may not use this file except in compliance with the License."]


COMMENTS = yaml.safe_load(Path(__file__).with_name("header_comments.yaml").read_text(encoding="utf-8"))


def stripped(text: str) -> str:
    return apply_edits(text, [(start, end, "") for start, end in header_spans(text)])[0]


@pytest.mark.parametrize(("mark", "code"), [("#", "import os\n"), ("//", "int main() {}\n"), ("--", "SELECT 1;\n"), (";;", "(mill)\n"), ("%", "x = 1\n")])
def test_a_run_of_line_comments_goes_with_the_blank_line_behind_it(mark: str, code: str) -> None:
    assert stripped("".join(f"{mark} {line}".rstrip() + "\n" for line in APACHE) + "\n" + code) == code


@pytest.mark.parametrize(("opener", "closer", "code"), [("/*", "*/", "package mill\n"), ("<!--", "-->", "<p>mill</p>\n"), ("(*", "*)", "let x = 1\n"), ("{-", "-}", "main = mill\n"), ("--[[", "]]", "return {}\n")])
def test_a_block_goes_whole(opener: str, closer: str, code: str) -> None:
    assert stripped(f"{opener}\n" + "".join(f" * {line}".rstrip() + "\n" for line in APACHE) + f" {closer}\n{code}") == code
    assert stripped(f"{opener} {APACHE[0]} {closer}\n{code}") == code


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("#!/bin/sh\n# Copyright (c) 2020 A. Miller\nset -e\n", "#!/bin/sh\nset -e\n"),
        ("# -*- coding: utf-8 -*-\n# SPDX-License-Identifier: MIT\nx = 1\n", "# -*- coding: utf-8 -*-\nx = 1\n"),
        ("/* Grinds grain.\n *\n * Copyright (c) 2020 A. Miller\n */\nint x;\n", "/* Grinds grain.\n *\n */\nint x;\n"),
        ("/* Copyright (c) 2020 A. Miller\n *\n * Grinds grain.\n */\nint x;\n", "/*\n * Grinds grain.\n */\nint x;\n"),
        ("# Grinds grain.\n#\n# Copyright 2020 A. Miller\n# All rights reserved.\nx = 1\n", "# Grinds grain.\n#\nx = 1\n"),
        ('"""Grinds grain.\n\n:copyright: (c) 2020 by A. Miller\n:license: MIT\n"""\nx = 1\n', '"""Grinds grain.\n\n"""\nx = 1\n'),
        ('"""Copyright 2020 A. Miller"""\nx = 1\n', '""""""\nx = 1\n'),
        ('"""Grinds grain."""\n\nfrom __future__ import annotations\n\n# Copyright 2020 A. Miller\n\nx = 1\n', '"""Grinds grain."""\n\nfrom __future__ import annotations\n\nx = 1\n'),
        ("#ifndef MILL_H\n#define MILL_H\n// Copyright 2020 A. Miller\n#include <x.h>\n", "#ifndef MILL_H\n#define MILL_H\n#include <x.h>\n"),
        ("// 版权所有 2020 磨坊公司\n// 根据 MIT 许可证授权\nint x;\n", "int x;\n"),
        ("// Copyright 2020 A. Miller\r\nint x;\r\n", "int x;\r\n"),
        ("# Copyright 2020 A. Miller", ""),
    ],
)
def test_only_the_header_goes(text: str, left: str) -> None:
    assert stripped(text) == left
    if "\r" not in text:
        for end in ("\r\n", "\r"):
            assert stripped(text.replace("\n", end)) == left.replace("\n", end)


@pytest.mark.parametrize(
    "text",
    [
        "# Grinds grain. The miller has no licence to sell it.\nx = 1\n",
        '"""Checks the license plates of carts."""\nx = 1\n',
        "x = 1\n# Copyright 2020 A. Miller\n",
        '__copyright__ = "Copyright 2020 A. Miller"\n',
        'def notice():\n    """Copyright 2020 A. Miller"""\n',
        "#include <copyright.h> // Copyright 2020\nint x;\n",
        "/* Copyright 2020 A. Miller */ int x;\n",
        "/* Copyright 2020 A. Miller, never closed\nint x;\n",
        "The copyright of 1911 was reformed. All rights reserved.\n",
        "",
        "\n\n",
        "/*/\n",
    ],
)
def test_code_and_prose_stay_as_they_are(text: str) -> None:
    assert stripped(text) == text


@pytest.mark.parametrize("comment", COMMENTS["headers"])
def test_a_common_form_of_header_goes_whole(comment: str) -> None:
    left = stripped(comment + "x = 1\n")
    assert left in ("x = 1\n", '""""""\nx = 1\n', '"""\n"""\nx = 1\n')  # of a docstring the quotes stay: they are code


def test_a_header_goes_on_in_comments_that_alone_would_be_none() -> None:
    notice = "# Copyright 2020 A. Miller\n\n# You should have received a copy of the GNU General Public License.\n# See COPYING.\n\n"
    assert stripped(notice + "# Grinds grain.\nx = 1\n") == "# Grinds grain.\nx = 1\n"
    assert stripped("# Reads whether a user has received a copy of the letter.\nx = 1\n") == "# Reads whether a user has received a copy of the letter.\nx = 1\n"


@pytest.mark.parametrize("comment", COMMENTS["others"])
def test_single_words_of_the_law_make_no_header(comment: str) -> None:
    assert stripped(comment + "x = 1\n") == comment + "x = 1\n"


@pytest.mark.parametrize("piece", ["// Copyright A ", "// licensed under a ", "# all rights reserved ", "# 根据 ", "/* ( \" ", "# Copyright A\n", "# ' a", "/*", "// Copyright " + "A" * 60 + "! ", "// (c) " + "A & " * 20 + "! "])
def test_twice_the_comment_takes_about_twice_the_time(piece: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        header_spans(piece * (size // len(piece)))
        return time.process_time() - began

    ratios = (seconds(400_000) / max(seconds(200_000), 1e-3) for _ in range(5))
    assert any(ratio < 3 for ratio in ratios)


def test_each_text_of_a_column_has_its_spans() -> None:
    texts = pa.array(["# Copyright 2020 X\ny\n", "y\n", "磨 = 1\n", None])
    assert find_headers(texts).to_pylist() == [[{"start": 0, "end": 19}], [], [], []]
    assert find_headers(texts[1:2]).to_pylist() == [[]]
