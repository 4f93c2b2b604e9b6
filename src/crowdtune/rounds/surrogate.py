r"""A surrogate of fine-tuning in which a training is a formula: pools of hundreds of annotators in seconds, no torch.

A model is a vector, a training takes steps towards the mean of what the coalition contributes, and what is drawn of a
model is the vector with noise, seen through an encoder. It **has**, as real fine-tunings do: saturation (more of the
same moves a model less and less, so that credit depends on who else is there), contributors who know the same, harm by
poisoned contributions, noise of drawn samples of which common seeds cancel a part, chance in training, encoders that
can be gamed, and gains that shrink as the base nears the goal. It **lacks**: forgetting what was learned before unless
somebody contributes against it, synergy (two contributions that help only together), a learning rate that matters
beyond the number of steps, contributions of unequal quality by one annotator, and any text.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from crowdtune.annotations import Bools, Floats
from crowdtune.credit.game import Game
from crowdtune.errors import InputError
from crowdtune.rounds.job import MODEL, Done, Job, Trainer, save_measured
from crowdtune.rounds.target import Target, nearness

VECTOR = "vector.npy"


@dataclass(frozen=True, eq=False)
class World:
    """Contributors to a model that is a vector of D numbers.

    Args:
        players: J names.
        means: (J, D) where training on each one's contributions leads.
        size: (J,) contributions each has; 0 = has none.
        knows: (J, D) share of them that speak of each dimension, in [0, 1]; a dimension nobody speaks of stays.
        base: (D,) the untrained model.
        goal: (D,) where the model shall truly go.
        encoders: name of a target -> (D, E) what is seen of a model; the first one is what `worth` is measured by.
        rate: share of the way one step goes in a dimension of which every contribution speaks, in [0, 1].
        batch: contributions a step takes.
        samples: S drawn of a model to judge it.
        noise: standard deviation of a sample in each dimension of an encoder.
        common: share of the noise's variance that models judged by the same draw have in common, in [0, 1].
        jitter: standard deviation, in each dimension, of where a training that went all the way ends.
        draws: seeds of what is drawn for `worth`, each a repeat; () measures without noise.
    """

    players: tuple[str, ...]
    means: Floats
    size: Floats
    knows: Floats
    base: Floats
    goal: Floats
    encoders: Mapping[str, Floats] = field(default_factory=dict)
    rate: float = 0.1
    batch: int = 8
    samples: int = 50
    noise: float = 0.3
    common: float = 0.5
    jitter: float = 0.0
    draws: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if not self.encoders:
            object.__setattr__(self, "encoders", {"distance": np.eye(len(self.goal))})

    def __len__(self) -> int:
        return len(self.players)

    @property
    def quiet(self) -> World:
        """The same without chance: worth is then a closed form."""
        return replace(self, jitter=0.0, draws=())

    @property
    def targets(self) -> tuple[Target, ...]:
        """Nearness to the goal as each encoder sees it."""
        return tuple(nearness(name, self.goal @ matrix) for name, matrix in self.encoders.items())

    @property
    def trainer(self) -> Trainer:
        """Does jobs in folders, for `spread`; picklable."""
        return partial(train, self)

    @property
    def game(self) -> Game:
        """What coalitions are worth from the untrained model."""
        return Game(self.players, self.worth)

    def steps(self, member: Bools) -> Floats:
        """(C,) optimiser steps of one pass over the contributions of coalitions (C, J)."""
        return np.asarray(np.ceil(member @ self.size / self.batch))

    def trained(self, member: Bools, *, base: Floats | None = None, steps: int = 0, seed: int = 0) -> Floats:
        r"""Train a base on coalitions.

        A step moves dimension d by the share of contributions that speak of it, so that n steps are

        .. math:: \theta_d = m_d + (1 - rate)^{n w_d / W} (\theta^0_d - m_d)

        with W contributions of which w_d speak of d, and m_d their mean.

        Args:
            member: (C, J) who is in which coalition.
            base: (D,) model to start from; the untrained one by default.
            steps: most steps; 0 = one pass over the contributions.
            seed: of the training's chance.

        Returns:
            (C, D) models, in the precision they are kept in.
        """
        start = self.base if base is None else base
        contributed = member * self.size
        spoken = contributed @ self.knows
        aim = contributed @ (self.knows * self.means) / np.where(spoken > 0, spoken, 1)
        made = np.minimum(self.steps(member), steps or np.inf)
        share = made[:, None] * spoken / np.maximum(contributed.sum(axis=1), 1e-12)[:, None]
        left = (1 - self.rate) ** share
        found = aim + left * (start - aim)
        if self.jitter:
            chance = [np.random.default_rng([seed, _code(row), _code(start)]) for row in member]
            found = found + self.jitter * (1 - left) * [rng.normal(size=len(start)) for rng in chance]
        return _kept(found)

    def distance(self, models: Floats) -> Floats:
        """(...) true distance of models (..., D) to the goal, in all dimensions and without noise."""
        return np.asarray(np.linalg.norm(models - self.goal, axis=-1))

    def measured(self, model: Floats, draws: tuple[int, ...]) -> dict[str, Floats]:
        """What is drawn of a model (D,): name of a target -> (R, S, E)."""
        return {
            name: np.array([model @ matrix + self._noise(model, matrix.shape[1], draw, place) for draw in draws])
            for place, (name, matrix) in enumerate(self.encoders.items())
        }

    def worth(self, member: Bools) -> Floats:
        """(C, R) by how much training the untrained model on each coalition (C, J) lowers the measured distance."""
        return self.gains(self.trained(member))

    def gains(self, models: Floats) -> Floats:
        """(C, R) by how much models (C, D) are measured nearer than the untrained one, by the first encoder."""
        matrix = next(iter(self.encoders.values()))
        seen = np.vstack([_kept(self.base), models])
        aim = self.goal @ matrix
        if not self.draws:
            return _fall(np.linalg.norm(seen @ matrix - aim, axis=1)[:, None])
        mean = [[self._noise(one, len(aim), draw, 0).mean(axis=0) for draw in self.draws] for one in seen]
        return _fall(np.linalg.norm((seen @ matrix)[:, None] + np.array(mean) - aim, axis=-1))

    def _noise(self, model: Floats, dims: int, draw: int, place: int) -> Floats:
        """(S, E) noise of one draw: a part by the draw alone, a part by the model as well."""
        common = np.random.default_rng([draw, place]).normal(size=(self.samples, dims))
        own = np.random.default_rng([draw, place, _code(_kept(model))]).normal(size=(self.samples, dims))
        return np.asarray(self.noise * (np.sqrt(self.common) * common + np.sqrt(1 - self.common) * own))


def train(world: World, job: Job, folder: Path) -> None:
    """Do a job in an empty folder, as a `Trainer` does."""
    model, steps = _done(world, job, _load)
    if job.keep:
        (folder / MODEL).mkdir()
        np.save(folder / MODEL / VECTOR, model)
    save_measured(folder, world.measured(model, job.draws), steps)


@dataclass(frozen=True, eq=False)
class InMemory:
    """Does jobs as `spread` does, without files: for thousands of them.

    Args:
        world: what is trained.
        models: path of a kept model -> the model.
    """

    world: World
    models: dict[str, Floats] = field(default_factory=dict)

    def __call__(self, jobs: Mapping[Path, Job]) -> dict[Path, Done]:
        """What every job leaves, by folder."""
        found = {}
        for folder, job in jobs.items():
            model, steps = _done(self.world, job, self.models.__getitem__)
            self.models[str(folder / MODEL)] = model
            found[folder] = Done(folder, self.world.measured(model, job.draws), steps)
        return found


def model_of(folder: Path) -> Floats:
    """(D,) the vector in the folder of a kept model."""
    return _load(str(folder))


def planted(
    players: int,
    rng: np.random.Generator,
    *,
    dims: int = 12,
    quality: Floats | None = None,
    own: float = 0.5,
    topics: int = 1,
    covered: float = 0.9,
    noise: float = 0.3,
) -> World:
    """Make a world whose contributors differ in quality, in what they know and in what only they say.

    Args:
        players: J.
        rng: source of randomness.
        dims: D; the goal is a random direction of length 1 from the untrained model at 0.
        quality: (J,) how far towards the goal each one's contributions lead: 1 = to it, 0 = nowhere, below 0 = away;
            by default evenly from -0.2 to 1, in random order.
        own: length of the component each has to itself, in a random direction.
        topics: groups of dimensions; each contributor speaks of one alone, as others do who then know the same.
        covered: share of the way to their mean that training on everybody goes, in (0, 1): how saturated the worth is.
        noise: standard deviation of a drawn sample in each dimension.
    """
    if not 0 < covered < 1:
        raise InputError(f"covered={covered} must lie between 0 and 1, both excluded.")
    if not 1 <= topics <= dims:
        raise InputError(f"topics={topics} must be from 1 to dims={dims}.")
    if quality is None:
        quality = rng.permutation(np.linspace(-0.2, 1, players))
    goal = _directions(1, dims, rng)[0]
    means = quality[:, None] * goal + own * _directions(players, dims, rng)
    of = rng.permutation(np.arange(players) % topics)
    knows = (np.arange(dims) % topics == of[:, None]).astype(float)
    world = World(
        players=tuple(f"a{j + 1}" for j in range(players)),
        means=means,
        size=np.full(players, 16.0),
        knows=knows,
        base=np.zeros(dims),
        goal=goal,
        noise=noise,
    )
    whole = world.steps(np.ones((1, players), dtype=bool))[0] / topics
    return replace(world, rate=float(1 - (1 - covered) ** (1 / whole)))


def _done(world: World, job: Job, load: Callable[[str], Floats]) -> tuple[Floats, int]:
    """The model that a job gives, and the steps made."""
    member = np.isin(world.players, job.members)
    if member.sum() != len(job.members):
        raise InputError(f"no contributors {sorted({*job.members} - {*world.players})} in this world of {len(world)}.")
    if job.parents:
        return _kept(np.mean([load(parent) for parent in job.parents], axis=0)), 0
    start = load(job.base) if job.base else _kept(world.base)
    if not job.members:
        return start, 0
    steps = int(min(world.steps(member[None])[0], job.steps or np.inf))
    return world.trained(member[None], base=start, steps=job.steps, seed=job.seed)[0], steps


def _directions(count: int, dims: int, rng: np.random.Generator) -> Floats:
    drawn = rng.normal(size=(count, dims))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _fall(distance: Floats) -> Floats:
    """(C, R) how much lower the others are than the first of (C + 1, R)."""
    return distance[:1] - distance[1:]


def _kept(model: Floats) -> Floats:
    """As a file of single precision keeps it: what is trained, drawn and read is then the same to the bit."""
    return np.asarray(model).astype(np.float32).astype(np.float64)


def _load(folder: str) -> Floats:
    return np.asarray(np.load(Path(folder) / VECTOR), dtype=np.float64)


def _code(values: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(values).tobytes())
