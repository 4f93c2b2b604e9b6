"""Oracle: axioms every aggregator must obey, whatever its model; found by name, so a new one is tested at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crowdtune import Annotations, InputError
from crowdtune.aggregate import aggregator, names
from crowdtune.annotations import Floats
from tests.crowds import crowd, from_table, lopsided, make_items

pytestmark = pytest.mark.parametrize("name", names())

KIND = {"ordinal-dawid-skene": "grade", "bradley-terry": "pair"}  # what an aggregator reads into answers, if anything
ORDER = {"grade": [2, 1, 0], "pair": [1, 0, 2]}  # grades may be turned round, pairs change places, a tie stays
ATOL = {"bradley-terry": 1e-5}  # scores come from a general optimiser


def suited(name: str, annotations: Annotations) -> Annotations:
    """The same labels as answers of the kind the aggregator needs."""
    kinds = (KIND.get(name, "choice"),) * len(annotations.items.tasks)
    return replace(annotations, items=replace(annotations.items, kinds=kinds))


@pytest.fixture
def annotations() -> Annotations:
    return lopsided(60, np.random.default_rng(5), missing=0.4)


def posterior(name: str, annotations: Annotations) -> Floats:
    return aggregator(name).fit(suited(name, annotations)).posterior


def same(a: Floats, b: Floats, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(a, b, atol=atol)


def test_rows_are_distributions(name: str, annotations: Annotations) -> None:
    found = posterior(name, annotations)
    assert found.shape == (60, 3)
    assert found.min() >= 0
    same(found.sum(axis=1), np.ones(60))


def test_row_order_does_not_matter(name: str, annotations: Annotations) -> None:
    order = np.random.default_rng(0).permutation(len(annotations))
    columns = {c: getattr(annotations, c)[order] for c in ("item", "annotator", "label")}
    same(posterior(name, replace(annotations, **columns)), posterior(name, annotations), ATOL.get(name, 1e-9))


def test_item_order_does_not_matter(name: str, annotations: Annotations) -> None:
    order = np.random.default_rng(0).permutation(60)
    same(posterior(name, annotations.take_items(order)), posterior(name, annotations)[order], ATOL.get(name, 1e-9))


def test_names_of_annotators_do_not_matter(name: str, annotations: Annotations) -> None:
    """But for auto, which draws the labels it leaves out by names, so that their order does not matter."""
    if name == "auto":
        return
    order = np.random.default_rng(0).permutation(len(annotations.annotators))
    renamed = replace(
        annotations, annotators=[f"z{j}" for j in annotations.annotators], annotator=order[annotations.annotator]
    )
    same(posterior(name, renamed), posterior(name, annotations), ATOL.get(name, 1e-9))


def test_order_of_choices_does_not_matter(name: str, annotations: Annotations) -> None:
    """Choice c becomes order[c]: column c of the posterior becomes column order[c]."""
    order = np.array(ORDER.get(KIND.get(name, ""), [2, 0, 1]))
    permuted = replace(annotations, label=order[annotations.label])
    same(posterior(name, permuted)[:, order], posterior(name, annotations), ATOL.get(name, 1e-9))


def test_items_without_labels_keep_their_place(name: str, annotations: Annotations) -> None:
    """Each second item loses its labels; the others are answered as if those were not there."""
    kept = annotations.item % 2 == 0
    thinned = replace(
        annotations,
        item=annotations.item[kept],
        annotator=annotations.annotator[kept],
        label=annotations.label[kept],
    )
    found = posterior(name, thinned)
    alone = posterior(name, thinned.take_items(np.arange(0, 60, 2)))
    same(found.sum(axis=1), np.ones(60))
    sure = alone.max(axis=1) > 0.9
    assert sure.sum() >= 10
    assert (found[::2].argmax(axis=1) == alone.argmax(axis=1))[sure].all()


def test_unanimous_items_are_decided(name: str) -> None:
    table = [[i % 3] * 4 for i in range(12)]
    assert posterior(name, from_table(table, k=3)).argmax(axis=1).tolist() == [i % 3 for i in range(12)]


def test_no_labels_at_all_is_uniform(name: str) -> None:
    same(posterior(name, crowd(make_items([-1, -1]), [])), np.full((2, 2), 0.5))


def test_no_items(name: str) -> None:
    assert posterior(name, crowd(make_items([]), [])).shape == (0, 0)


def test_tasks_do_not_mix(name: str, annotations: Annotations) -> None:
    """Two tasks side by side are answered as each would be alone."""
    task = np.arange(60) % 2
    both = replace(annotations, items=replace(annotations.items, tasks=["t0", "t1"], task=task, kinds=()))
    found = posterior(name, both)
    for m in range(2):
        alone = annotations.take_items(np.flatnonzero(task == m))
        same(found[task == m], posterior(name, alone), ATOL.get(name, 1e-9))


def test_unknown_name(name: str) -> None:
    with pytest.raises(InputError, match=rf"^unknown aggregator '{name}x'\. Did you mean '{name}'\? Known: "):
        aggregator(name + "x")


def test_an_item_nobody_answered_is_left_open(name: str) -> None:
    """Uniform posterior and a null label, whatever the other items say."""
    from crowdtune.write.labelled import label_table

    annotations = crowd(make_items([-1, -1, -1], ("a", "b", "c")), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)])
    found = posterior(name, annotations)
    np.testing.assert_allclose(found[2], 1 / 3)
    table = label_table(annotations, found, name)
    assert table["label"] == ["a", "a", None]
    assert table["reason"] == ["", "", "no label"]
