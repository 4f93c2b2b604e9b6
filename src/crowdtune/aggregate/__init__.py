"""Truth inference without a language model: labels in, posterior over truths out. numpy and scipy only.

An aggregator is a file here: a frozen dataclass of options with `fit(annotations, known) -> Fit`, where `known` is
evidence beside the labels, None for none. `crowdlab` and `medoid` are none: they also take a model's probabilities, or
embeddings, as an array.
"""

from __future__ import annotations

from crowdtune.aggregate._answering import Answering, answering
from crowdtune.aggregate._calibrate import calibrated
from crowdtune.aggregate._crowdlab import Ensemble, crowdlab
from crowdtune.aggregate._dependence import Block, block_weights, blocks
from crowdtune.aggregate._distribution import label_distribution
from crowdtune.aggregate._evidence import Evidence, evidence, refuse
from crowdtune.aggregate._fit import Aggregator, Fit, ranking, shares_of, vote_shares, winners
from crowdtune.aggregate._intervals import intervals
from crowdtune.aggregate._letters import spelt
from crowdtune.aggregate._medoid import answers, medoid
from crowdtune.annotations import Annotations
from crowdtune.names import find, known

__all__ = [
    "Aggregator",
    "Answering",
    "Block",
    "Ensemble",
    "Evidence",
    "Fit",
    "aggregator",
    "answering",
    "answers",
    "block_weights",
    "blocks",
    "calibrated",
    "crowdlab",
    "evidence",
    "intervals",
    "label_distribution",
    "medoid",
    "names",
    "ranking",
    "refuse",
    "require_for",
    "shares_of",
    "spelt",
    "vote_shares",
    "winners",
]


def names() -> list[str]:
    """Names of all aggregators."""
    return known(__name__)


def aggregator(name: str) -> Aggregator:
    """Make an aggregator, with its default options, by name."""
    made: Aggregator = find(__name__, name, "aggregator")()
    return made


def require_for(annotations: Annotations, name: str) -> None:
    """Refuse annotations an aggregator can do nothing with: all but the majority vote need named annotators."""
    if name == "majority" and annotations.all_votes.any():
        return
    annotations.require_labels()
