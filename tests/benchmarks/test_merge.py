"""The benchmark of mail from lists on a few instalments."""

import json

import pytest

from benchmarks import merge


@pytest.mark.slow
def test_it_ends_with_one_line_of_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["merge.py", "20"])
    merge.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    wanted = {"queue_s", "merge_per_s", "pdf_per_s_1", "pdf_per_s_2", "peak_mb"}
    assert wanted <= set(figures)
    assert all(figures[name] > 0 for name in wanted)
