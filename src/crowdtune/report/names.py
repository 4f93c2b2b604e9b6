"""Who is shown by which name: people by pseudonym, wherever their names stand, sentences included."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from markupsafe import Markup, escape

from crowdtune.identity import PSEUDONYM, of_people
from crowdtune.report.told import Told
from crowdtune.report.wording import ID, visible

WORD, NUMBER = 3, 5  # characters from which a name is looked for within sentences: "a" is a word, "17" a number, too


@dataclass(frozen=True)
class Names:
    """Real name -> the name shown.

    Args:
        shown: of everybody the run names; the same name where ids are kept.
        kept: True where names are shown as they are.
    """

    shown: Mapping[str, str]
    kept: bool

    @classmethod
    def of(cls, told: Told, *, keep_ids: bool) -> Names:
        """Names of a run; the key of pseudonyms is asked for only where one is needed."""
        models = {row["annotator"] for row in told.people if row.get("kind") == "model"}
        everybody = dict.fromkeys(_mentioned(told))
        hidden = {} if keep_ids else of_people(everybody, models)
        return cls({name: hidden.get(name, name) for name in everybody}, keep_ids)

    def __getitem__(self, name: Any) -> str:
        """The name to show."""
        return visible(self.shown.get(str(name), "" if not self.kept else str(name)) or "unnamed", ID)

    def sentence(self, text: Any, camps: Any = ()) -> str:
        """A sentence with the names in it as shown.

        Args:
            text: the sentence.
            camps: lists of names that may stand in it in brackets, as a verdict writes them.
        """
        said = "" if text is None else str(text)
        if not self.kept:
            short = {
                ", ".join(camp[:n]): ", ".join(map(self.__getitem__, camp[:n])) for camp in camps for n in (1, 2, 3)
            }
            said = re.sub(r"\(([^()]+)\)", lambda hit: f"({_camps(hit[1], short)})", said)
            found = [name for name in self.shown if _telling(name) and name in said]
            if found:
                either = "|".join(re.escape(name) for name in sorted(found, key=len, reverse=True))
                said = re.sub(rf"(?<!\w)(?<!a-)(?:{either})(?!\w)", lambda hit: self.shown[hit[0]], said)
        return visible(said, 4000)

    def setting(self, value: Any) -> str:
        """A value of a config; of a path outside the folder the last part alone, as it may name a person."""
        text = str(value)
        path = not self.kept and isinstance(value, str) and (text.startswith(("/", "~")) or text[1:3] in (":\\", ":/"))
        return self.sentence(PurePath(text.replace("\\", "/")).name if path else text)


def named(sentence: str) -> Markup:
    """A sentence as HTML, its pseudonyms set apart so that no line breaks within one."""
    return Markup(PSEUDONYM.sub(lambda hit: f'<bdi class="id whole">{hit[0]}</bdi>', str(escape(sentence))))


def _camps(text: str, short: Mapping[str, str]) -> str:
    """What a verdict has in brackets, "ann, bob and 2 more; eve", with the names as shown."""
    parts = [part.partition(" and ") if part not in short else (part, "", "") for part in text.split("; ")]
    return "; ".join("".join((short.get(names, names), *more)) for names, *more in parts)


def _telling(name: str) -> bool:
    shortest = NUMBER if name.isdigit() else WORD if name.isalpha() else 2
    return len(name) >= shortest


def _mentioned(told: Told) -> Iterator[str]:
    """Everybody named anywhere in the folder."""
    for row in told.people:
        yield row["annotator"]
    for matrix in told.confusions:
        yield from (matrix.get("annotators") or {})
    for camp in (told.results.get("verdict") or {}).get("camps") or []:
        yield from camp
    for warning in told.results.get("warnings") or []:
        if isinstance(warning, dict):
            yield from map(str, warning.get("annotators") or [])
    for cluster in told.results.get("clusters") or []:
        yield from (cluster.get("reliability") or {})
