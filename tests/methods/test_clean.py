"""`clean` as a whole, against a model behind a loopback endpoint. Oracle: planted truth; bars from its shares.

One label an item, wrong in 30 %; an expert right in 90 %, its other answers any of three alike. The label is doubted
where the expert says something else, so of the wrong labels 0.9 + 0.1 * 2/3 = 97 % are found, and of those doubted
0.29 / (0.29 + 0.07) = 81 % are wrong. A new label needs the context's answer too, right in 90 % by itself: wrong then
are 0.3 % of the items against 24.3 % right, so 99 % of the new labels are right. Bars are four standard errors below.
"""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import pytest

from crowdtune.annotations import Annotations
from crowdtune.denoise.decision import RULES
from crowdtune.errors import InputError
from crowdtune.methods._clean import clean
from crowdtune.read import Policy, read
from tests import planted
from tests.backends.server import Server

pytest.importorskip("aiohttp")
N = 300
HERE = {"classifier": "false", "attempts": "1"}


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crowdtune.methods._clean.embed", planted.scattered)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def asked(folder: Path, n: int = N, free: bool = False) -> Annotations:
    return read(planted.write(folder / "data.jsonl", n, free), policy=Policy(kind="text" if free else ""))[0]


def bar(share: float, n: float) -> float:
    return share - 4 * sqrt(share * (1 - share) / n)


def decided(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("free", [False, True], ids=["choices", "free text"])
def test_wrong_labels_are_found_and_mended(free: bool, tmp_path: Path) -> None:
    """Free answers are sentences with a number, labels the number alone: they are compared by what they mean."""
    with Server(planted.Model(free)) as server:
        settings = HERE | {"model": f"{server.url}#m"}
        found = clean(asked(tmp_path, free=free), settings, out=tmp_path / "out", store=tmp_path / "store")
    rows = decided(tmp_path / "out")
    assert [row["item"] for row in rows] == [f"i{i}" for i in range(N)]
    assert any("as numbers" in note for note in found.summary["notes"]) == free
    wrong = {i for i, row in enumerate(rows) if row["given"] != row["gold"]}
    doubted = {i for i, row in enumerate(rows) if row["outcome"] != "keep"}
    new = [row["label"] == row["gold"] for row in rows if row["outcome"] == "relabel"]
    assert len(wrong & doubted) / len(wrong) > bar(0.967, len(wrong))
    assert len(wrong & doubted) / len(doubted) > bar(0.806, len(doubted))
    assert sum(new) / len(new) > bar(0.988, len(new))
    assert len(new) > 0.243 * N - 4 * sqrt(0.243 * 0.757 * N)


def test_decisions_say_who_answered_what_and_why(tmp_path: Path) -> None:
    n = 60
    with Server(planted.Model()) as server:
        settings = HERE | {"model": f"{server.url}#m", "experts": f"direct,reasoning@{server.url}#b"}
        found = clean(asked(tmp_path, n), settings, out=tmp_path / "out", store=tmp_path / "store")
    reasons = f"reasoning@{server.url}#b"
    for i, row in enumerate(decided(tmp_path / "out")):
        said = row["experts"]
        assert row["because"] == RULES[row["rule"]]
        assert said["direct"]["answer"] == planted.CHOICES[planted.drawn(i, 0.1, "m 1 False")]
        assert said[reasons]["answer"] == planted.CHOICES[planted.drawn(i, 0.1, "b 1 True")]
        assert said[reasons]["reason"].startswith("Let me see.")
        assert ("context" in said) == ("review" in said) == bool(found.cleaned.doubted[i])
    names = [row["expert"] for row in found.summary["experts"]]
    assert names == ["given labels", "direct", reasons, "context", "review"]
    assert found.summary["spent"]["calls"] == 2 * n + 2 * int(found.cleaned.doubted.sum())


def test_nothing_is_asked_twice_when_it_had_to_stop(tmp_path: Path) -> None:
    annotations, model = asked(tmp_path, 80), planted.Model(until=50)
    with Server(model) as server:
        settings = HERE | {"model": f"{server.url}#m", "in_flight": "4"}
        with pytest.raises(InputError, match=r"OPENAI_API_KEY is not set.*50 of 80 replies are safe in .*store"):
            clean(annotations, settings, out=tmp_path / "out", store=tmp_path / "store")
        assert not (tmp_path / "out").exists()
        model.until = 10**9
        dry = clean(annotations, settings, store=tmp_path / "store")
        found = clean(annotations, settings, out=tmp_path / "out", store=tmp_path / "store")
        assert dry.summary["needed"]["calls"] >= 30
        assert max(model.calls.values()) == 1
        assert model.calls.total() == 50 + found.summary["spent"]["calls"]
        again = clean(annotations, settings, out=tmp_path / "again", store=tmp_path / "store")
    assert again.summary["spent"]["calls"] == 0
    assert decided(tmp_path / "again") == decided(tmp_path / "out")


def test_a_dry_run_asks_nobody_and_writes_nothing(tmp_path: Path) -> None:
    annotations, before = asked(tmp_path, 20), set(tmp_path.iterdir())
    with Server(planted.Model()) as server:
        found = clean(annotations, HERE | {"model": f"{server.url}#m", "meaning": "judged"}, store=tmp_path / "store")
    assert (server.log.calls, set(tmp_path.iterdir())) == ([], before)
    assert found.summary["needed"]["calls"] >= 20
    assert "'direct' was not asked: 20 calls" in found.summary["notes"][0]
    assert found.summary["outcomes"]["kept"] == 20


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"k": "-1"}, "k=-1 is no number of examples. It is 0 or more."),
        ({"threshold": "7"}, "threshold=7.0 must be between 0 and 1."),
        ({"beta": "-1"}, "beta=-1.0 must be a share"),
        ({"meaning": "exakt"}, "Did you mean 'exact'?"),
        ({"max_tokens": "0"}, "max_tokens=0 is too low. It is at least 1."),
        ({"experts": "direkt"}, "Did you mean 'direct'?"),
        ({"experts": ","}, "names nobody. Name one or more of direct,"),
        ({"experts": "direct,direct"}, "is named twice"),
        ({"model": "http://127.0.0.1:9/v1"}, r"Write http://127.0.0.1:9/v1#MODEL."),
        ({"chekcer": "strict"}, "Did you mean 'checker'?"),
    ],
)
def test_what_cannot_be_is_said_before_anybody_is_asked(settings: dict[str, str], told: str, tmp_path: Path) -> None:
    with Server(planted.Model()) as server, pytest.raises(InputError, match=told):
        clean(asked(tmp_path, 4), {"model": f"{server.url}#m"} | settings, out=tmp_path / "o", store=tmp_path / "s")
    assert server.log.calls == []


def test_an_unknown_format_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    with Server(planted.Model()) as server, pytest.raises(InputError, match=r"Did you mean 'trl-sft'\?"):
        clean(
            asked(tmp_path, 4), {"model": f"{server.url}#m"}, out=tmp_path / "o", store=tmp_path / "s", to=["trl-sfft"]
        )
    assert server.log.calls == []


def test_a_file_that_names_nobody_is_cleaned(tmp_path: Path) -> None:
    """Its answers are labels, not the truth: no accuracy is measured on them."""
    rows = "".join(f"text {i},{'yes' if i % 2 else 'no'}\n" for i in range(20))
    source = tmp_path / "f.csv"
    source.write_text("text,label\n" + rows)
    annotations, _ = read(source)
    found = clean(annotations, {"classifier": "false", "context": "false"}, store=tmp_path / "none.sqlite")
    assert found.summary["outcomes"]["kept"] == 20
    assert found.summary["experts"][0]["accuracy"] is None
    assert "20 answers of the file" in found.summary["notes"][0]
