"""What CROWDLAB and the crowd layer decide before training. Oracle: the parts, which have oracles of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from crowdtune.aggregate import crowdlab
from crowdtune.annotations import Floats
from crowdtune.errors import InputError
from crowdtune.methods._plan import Anchor
from crowdtune.methods.crowd_layer import CrowdLayer
from crowdtune.methods.crowdlab import Crowdlab
from crowdtune.methods.soft import Soft
from tests.crowds import crowd, from_table, with_choices


def knowing(p: Floats) -> Anchor:
    return Anchor(np.log(p), np.zeros((len(p), 1), np.float32))


def test_crowdlab_trains_on_and_believes_its_posterior() -> None:
    annotations = from_table([[0, 0, 0], [1, 1, 1], [0, 0, 1], [-1, -1, -1]])
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8]])
    plan, ensemble = Crowdlab().plan(annotations, knowing(p)), crowdlab(annotations, p)
    np.testing.assert_allclose(plan.examples.targets, ensemble.posterior)
    assert plan.examples.weights.tolist() == [1, 1, 1, 0]
    conclusion = plan.conclude(np.log(p[::-1]))
    np.testing.assert_allclose(conclusion.posterior, ensemble.posterior)
    assert conclusion.columns == {"weight": ensemble.annotator_weights.round(4).tolist()}


def test_the_crowd_layer_is_left_out_at_prediction() -> None:
    annotations = from_table([[0, 0, 0], [1, 1, 1]])
    plan = CrowdLayer(matrix_learning_rate=0.02).plan(annotations, knowing(np.full((2, 2), 0.5)))
    p = np.array([[0.9, 0.1], [0.3, 0.7]])
    np.testing.assert_allclose(plan.conclude(np.log(p)).posterior, p)
    assert plan.annotator_learning_rate == 0.02
    torch.testing.assert_close(plan.objective.annotators.weight.data, torch.eye(2).expand(3, 1, 2, 2))


def test_the_crowd_layer_refuses_what_it_cannot_model() -> None:
    annotations = crowd(with_choices([("a", "b"), ("b", "c")], [0, 1]), [(0, 0, 0), (1, 0, 1)])
    with pytest.raises(
        InputError, match=r"crowd-layer needs the same choices .* 't0' has different ones.* Use realm\."
    ):
        CrowdLayer().plan(annotations, knowing(np.full((2, 2), 0.5)))
    with pytest.raises(InputError, match=r"matrix_learning_rate=0\.0 must be above 0"):
        CrowdLayer(matrix_learning_rate=0.0)


def test_soft_trains_on_soft_labels_where_there_are_some() -> None:
    """i0 has both, i1 labels alone, i2 a soft label alone, i3 neither."""
    annotations = from_table([[0, 0, 0], [1, 1, 0], [-1, -1, -1], [-1, -1, -1]])
    anchor = knowing(np.full((4, 2), 0.5))
    before = Soft().plan(annotations, anchor)
    assert before.examples.weights.tolist() == [1, 1, 0, 0]
    soft = np.array([[0.3, 0.7], [0, 0], [0.9, 0.1], [0, 0]])
    plan = Soft().plan(replace(annotations, soft=soft), anchor)
    np.testing.assert_allclose(plan.examples.targets[:3], [[0.3, 0.7], [1 / 3, 2 / 3], [0.9, 0.1]])
    assert plan.examples.weights.tolist() == [1, 1, 1, 0]
