"""Oracle: the value each text means, written out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from crowdtune import InputError
from crowdtune.settings import apply, from_pairs, from_toml
from tests.crowds import put


@dataclass(frozen=True)
class Method:
    kind: Literal["per-label", "joint"] = "joint"
    rate: float = 0.5
    shared: int = 1


@dataclass(frozen=True)
class Training:
    epochs: int = 3
    steps: int | None = 7
    lora: bool = False
    name: str = "x"
    shared: int = 2


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("epochs", "5", 5),
        ("epochs", "-5", -5),
        ("rate", "1e-5", 1e-5),
        ("rate", "2", 2.0),
        ("steps", "none", None),
        ("steps", "None", None),
        ("steps", "9", 9),
        ("name", "none", "none"),
        ("name", "a=b", "a=b"),
        ("kind", "per-label", "per-label"),
        *[("lora", text, True) for text in ("true", "True", "1", "yes")],
        *[("lora", text, False) for text in ("false", "FALSE", "0", "no")],
    ],
)
def test_values(key: str, text: str, value: object) -> None:
    changed = apply({key: text}, Method(), Training())
    found = getattr(changed[0] if hasattr(Method, key) else changed[1], key)
    assert found == value
    assert type(found) is type(value)


def test_the_rest_stays(tmp_path: Path) -> None:
    assert apply({"epochs": "5"}, Method(rate=0.1), Training(name="y")) == (Method(rate=0.1), Training(5, name="y"))


def test_a_name_belongs_to_the_first_that_has_it() -> None:
    assert apply({"shared": "9"}, Method(), Training()) == (Method(shared=9), Training())


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("epoch", "1", r"^unknown option 'epoch'\. Did you mean 'epochs'\? Known: epochs, kind, lora, name, rate, "),
        ("zzz", "1", r"^unknown option 'zzz'\. Known: epochs, "),
        ("epochs", "1.5", r"^epochs=1\.5 is not a whole number\.$"),
        ("steps", "many", r"^steps=many is not a whole number\.$"),
        ("rate", "fast", r"^rate=fast is not a number\.$"),
        ("epochs", "none", r"^epochs=none is not a whole number\.$"),
        ("lora", "maybe", r"^lora=maybe is not true or false\.$"),
        ("kind", "jiont", r"^unknown kind 'jiont'\. Did you mean 'joint'\? Known: joint, per-label\.$"),
    ],
)
def test_errors(key: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        apply({key: text}, Method(), Training())


def test_pairs() -> None:
    assert from_pairs(["epochs=3", "learning-rate = 1e-5", "name=a=b", "name2="]) == {
        "epochs": "3",
        "learning_rate": "1e-5",
        "name": "a=b",
        "name2": "",
    }
    assert from_pairs(["no-answer=x"], plain=True) == {"no-answer": "x"}


@pytest.mark.parametrize("pair", ["epochs", "=3", ""])
def test_pairs_of_another_form(pair: str) -> None:
    with pytest.raises(InputError, match=rf"^setting '{pair}' is not of the form key=value\.$"):
        from_pairs([pair])


def test_toml(tmp_path: Path) -> None:
    path = put(tmp_path, "f.toml", 'epochs = 4\nrate = 0.25\nlora = true\nkind = "per-label"\nname = "é"\n')
    assert apply(from_toml(path), Method(), Training()) == (Method("per-label", 0.25), Training(4, lora=True, name="é"))
    assert from_toml(put(tmp_path, "g.toml", "learning-rate = 1")) == {"learning_rate": "1"}


@pytest.mark.parametrize("content", [None, b"epochs = ", b"name = '\xff'"])
def test_toml_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "f.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"f\.toml cannot be read as TOML: .+\.$"):
        from_toml(path)
