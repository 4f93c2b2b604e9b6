"""A report in a real browser. Oracle: Chromium, and the rows of annotators.csv sorted here."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdtune.report import write_report
from tests.report import folders
from tests.report.browser import Browser
from tests.report.folders import EVIL

pytestmark = pytest.mark.slow

WRONG = {"Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Log.entryAdded", "Runtime.consoleAPICalled"}
NAMES = "Array.from(document.querySelectorAll('#people tbody tr:not([hidden]) th'), (th) => th.textContent)"
HEAD = "Array.from(document.querySelectorAll('#people thead th')).find((th) => th.textContent.startsWith('{}'))"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def quiet(browser: Browser) -> None:
    """Nothing was asked of the network, no script failed, no dialog opened."""
    asked = [e["request"]["url"] for method, e in browser.events if method == "Network.requestWillBeSent"]
    assert all(url.startswith("file:") for url in asked), asked
    assert len(asked) == 1, asked
    assert not [event for event in browser.events if event[0] in WRONG]


@pytest.mark.parametrize("kind", ["audit", "trained"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (768, False), (375, False), (320, True)])
def test_it_fits_and_is_light_or_dark(
    browser: Browser, reports: dict[str, Path], tmp_path: Path, kind: str, width: int, dark: bool
) -> None:
    browser.open(reports[kind], width=width, dark=dark)
    assert browser.run(WIDER) <= 0, "the page scrolls sideways"
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) / 3
    assert light < 64 if dark else light > 192
    assert browser.picture(tmp_path / "page.png").startswith(b"\x89PNG")
    quiet(browser)


@pytest.mark.parametrize("width", [1280, 375])
def test_hostile_data_does_nothing(browser: Browser, evil: Path, tmp_path: Path, width: int) -> None:
    write_report(evil, tmp_path / "r.html", keep_ids=True)
    browser.open(tmp_path / "r.html", width=width)
    assert browser.run(WIDER) <= 0
    assert browser.run("document.scripts.length") == 1
    assert browser.run("getComputedStyle(document.querySelector('main')).display") == "block"
    browser.run(f"{HEAD.format('Annotator')}.querySelector('button').click()")
    assert len(browser.run(NAMES)) == len(EVIL)
    quiet(browser)


def test_no_foreign_script_runs_even_if_it_got_in(browser: Browser, reports: dict[str, Path], tmp_path: Path) -> None:
    """The policy is the second wall: a script, a handler and a picture put into the file by hand stay dead."""
    page = reports["audit"].read_text()
    evil = "<script>window.got = 1</script><img src='https://example.org/x.png' onerror='window.got = 2'>"
    (tmp_path / "r.html").write_text(page.replace("</main>", f"{evil}</main>"))
    browser.open(tmp_path / "r.html")
    assert browser.run("window.got === undefined")
    blocked = [e for method, e in browser.events if method == "Log.entryAdded"]
    assert len(blocked) >= 2, "the browser says what it blocked"


def test_sorting(browser: Browser, reports: dict[str, Path]) -> None:
    with (reports["audit"].parent / "annotators.csv").open() as file:
        rows = list(csv.DictReader(file))
    browser.open(reports["audit"])
    names = browser.run(NAMES)
    for column, key in (("Labels", "labels"), ("Time", "seconds")):
        for direction, sign in (("descending", -1), ("ascending", 1)):
            browser.run(f"{HEAD.format(column)}.querySelector('button').click()")
            assert browser.run(f"{HEAD.format(column)}.getAttribute('aria-sort')") == direction
            expected = sorted(range(len(rows)), key=lambda j: sign * round(float(rows[j][key]), 1))
            assert browser.run(NAMES) == [names[j] for j in expected]
    assert browser.run("document.querySelectorAll('[aria-sort]').length") == 1
    browser.run(f"{HEAD.format('Right')}.querySelector('button').click()")
    known = [bool(row["accuracy"]) for row in rows]
    order = [names.index(name) for name in browser.run(NAMES)]
    assert [known[j] for j in order] == sorted(known, reverse=True), "what is not known comes last"
    quiet(browser)


def test_filtering(browser: Browser, reports: dict[str, Path]) -> None:
    with (reports["audit"].parent / "annotators.csv").open() as file:
        fast = [j for j, row in enumerate(csv.DictReader(file)) if "too fast" in row["flags"]]
    browser.open(reports["audit"])
    names = browser.run(NAMES)
    browser.run(
        "const s = document.querySelector('select'); s.value = 'too fast'; s.dispatchEvent(new Event('change'))"
    )
    assert browser.run(NAMES) == [names[j] for j in fast] != names
    assert browser.run("document.querySelector('output').textContent") == f"{len(fast)} of {len(names)} shown"
    browser.run("s.value = ''; s.dispatchEvent(new Event('change'))")
    browser.run(
        f"const i = document.querySelector('input'); i.value = '{names[2]}'; i.dispatchEvent(new Event('input'))"
    )
    assert browser.run(NAMES) == [names[2]]
    quiet(browser)


def test_by_keyboard_alone(browser: Browser, reports: dict[str, Path]) -> None:
    """Tab finds the skip link first, then every control; a sort button answers to Enter; the focus is seen."""
    browser.open(reports["audit"])
    seen = []
    for _ in range(40):
        browser.press("Tab", 9)
        seen.append(browser.run("document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()"))
        if seen[-1] == "BUTTON Labels":
            break
    assert seen[0] == "A Skip to the verdict"
    assert {"INPUT", "SELECT", "SUMMARY"} <= {name.split()[0] for name in seen}
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter", 13)
    assert browser.run(f"{HEAD.format('Labels')}.getAttribute('aria-sort')") == "descending"


def test_without_scripts(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["audit"], scripts=False)
    root = browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    rows = browser.call("DOM.querySelectorAll", nodeId=root, selector="#people tbody tr")["nodeIds"]
    form = browser.call("DOM.querySelector", nodeId=root, selector="form.filter[hidden]")["nodeId"]
    assert len(rows) == 12
    assert form


def test_printing(browser: Browser, reports: dict[str, Path], tmp_path: Path) -> None:
    """Every row is printed: nothing stays in a box that scrolls, and the details are open."""
    browser.open(reports["audit"], dark=True)
    assert browser.print(tmp_path / "r.pdf").startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.querySelector('.tall')).maxHeight") == "none"
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("document.querySelector('.ids').getBoundingClientRect().height") > 10
    browser.call("Emulation.setEmulatedMedia", media="")


def test_a_thousand_rows_sort_quickly(browser: Browser, tmp_path: Path) -> None:
    folder = folders.audit(tmp_path / "run", annotators=1000, items=100)
    write_report(folder, tmp_path / "r.html", keep_ids=True)
    browser.open(tmp_path / "r.html", width=375)
    took = browser.run(
        "(() => { const begin = performance.now(); document.querySelector('#people button').click(); "
        "document.body.offsetHeight; return performance.now() - begin; })()"
    )
    assert took < 2000, "milliseconds, of which a slow machine needs a tenth"
