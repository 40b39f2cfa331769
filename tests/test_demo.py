"""The main job, with tiny settings: it runs, its report is whole, and one seed gives the same numbers twice."""

import json

import pytest
from demo.__main__ import main

from infocore import report


@pytest.mark.slow
def test_quick_run_twice(tmp_path, capsys):
    reports = []
    for name in ("a", "b"):
        assert main(["--quick", "--seed", "3", "--out", str(tmp_path / name)]) == 0
        reports.append(report.read(tmp_path / name / "report.json"))
    first, second = ({**r, "provenance": {**r["provenance"], "command": ""}} for r in reports)
    assert first == second
    assert [s["title"] for s in first["sections"]] == [
        "Mutual information on a real table",
        "Embeddings of images",
        "What a classifier gives away",
        "The classifier as a semantic channel",
    ]
    kinds = [item["kind"] for s in first["sections"] for item in s["items"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"table": 5, "chart": 3, "images": 3}
    assert first["provenance"]["images"]["sha256"] != ""
    page = (tmp_path / "a" / "report.html").read_text()
    assert report.render(reports[0]) == page
    assert str(tmp_path / "a" / "report.html") in capsys.readouterr().out


def test_absent_data_are_named(tmp_path, capsys):
    assert main(["--data", "fashion", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "dataset-fashion-mnist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_usage_is_misuse(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--data", "faces"])
    assert stop.value.code == 2
    assert json.dumps("faces")[1:-1] in capsys.readouterr().err
