import html.parser
import json
import os

import numpy as np
import pytest

from infocore import report
from infocore.errors import DataError, MissingExtraError, ParameterError, ShapeError
from infocore.report import Chart, Images, Report, Section, Series, Table


def sample() -> Report:
    grey = np.linspace(0, 1, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    chart = Chart(
        "curve <b>",
        "rate (bits)",
        "G (bits)",
        [
            Series("a", [1, 2, 3], [0.1, 0.2, 0.25], error=[0.01] * 3),
            Series("b", [1, 2], [0.3, np.nan], names=["p", "q"]),
        ],
        hlines={"floor": 0.05},
    )
    table = Table("table", ["method", "nats", "n"], [["ksg", 0.123456789, 10], ["none", None, 3], ["cap", np.inf, 0]])
    sections = [
        Section("first <script>alert(1)</script>", "what it means", [table, chart, Images("im", ["a", "b"], grey)])
    ]
    return Report("A report", "It found something.", sections, {"command": "x --seed 0", "seed": 0})


class Outside(html.parser.HTMLParser):
    """Collect what a browser would fetch, and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v and v[0] != "#"]


def test_json_is_plain_and_keeps_full_precision():
    data = json.loads(json.dumps(report.to_dict(sample()), allow_nan=False))
    table, chart, images = data["sections"][0]["items"]
    assert table["rows"] == [["ksg", 0.123456789, 10], ["none", None, 3], ["cap", "inf", 0]]
    assert chart["series"][1]["y"] == [0.3, "nan"]
    assert images["shape"] == [2, 3, 4, 4]
    assert data["schema"] == 1
    assert "infocore" in data["provenance"]["versions"]


def test_page_is_drawn_from_the_json(tmp_path):
    pytest.importorskip("matplotlib", reason="the report extra is not installed")
    as_json, page = report.write(sample(), tmp_path / "new")
    text = page.read_text(encoding="utf-8")
    assert report.render(report.read(as_json)) == text
    changed = report.read(as_json)
    changed["sections"][0]["items"][0]["rows"][0][1] = 0.987
    assert "0.987" in report.render(changed)
    assert "0.987" not in text


def test_page_opens_offline_and_escapes(tmp_path):
    pytest.importorskip("matplotlib", reason="the report extra is not installed")
    parser = Outside()
    parser.feed(report.write(sample(), tmp_path)[1].read_text(encoding="utf-8"))
    assert "script" not in parser.tags
    assert {uri.split(",")[0] for uri in parser.fetched} == {"data:image/png;base64"}
    assert {"svg", "table", "img", "figure"} <= set(parser.tags)


def test_rendering_leaves_matplotlib_alone():
    matplotlib = pytest.importorskip("matplotlib", reason="the report extra is not installed")
    before = dict(matplotlib.rcParams)
    report.render(report.to_dict(sample()))
    assert dict(matplotlib.rcParams) == before


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="the report extra is not installed")
    report.write(sample(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        report.write(Report("other", "", [], {}), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"infocore\[report\]"):
        report.render(report.to_dict(sample()))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Table("t", ["a", "b"], [[1, 2], [1]]), ShapeError, r"\[1\] do not have 2"),
        (lambda: Series("s", [1, 2], [1]), ShapeError, "one length"),
        (lambda: Images("i", ["a"], np.zeros((2, 3, 4, 4))), ShapeError, r"\(1, columns"),
        (lambda: Images("i", ["a"], np.full((1, 3, 4, 4), 1.5)), ParameterError, r"in \[0, 1\]"),
        (lambda: Images("i", ["a"], np.full((1, 3, 4, 4), np.nan)), ParameterError, r"in \[0, 1\]"),
    ],
)
def test_bad_parts_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("text", [None, "no json", "[1]", '{"schema": 99}'])
def test_bad_files_are_refused(tmp_path, text):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=r"report\.read"):
        report.read(path)
