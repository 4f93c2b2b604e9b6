"""Rounds of Crowd-SFT: groups of annotators train copies of a base, and the best is the next base if it surely is.

Everything random follows from the seed and the number of the round, and everything done is a folder: a run that was
killed and goes on ends where one that was not ends, and trains nothing twice.

References:
    Sotiropoulos et al.: Crowd-SFT, 2025, https://arxiv.org/abs/2506.04063
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdtune.credit.points import shared_points
from crowdtune.errors import InputError
from crowdtune.rounds.choose import best, gains, scores, verdict
from crowdtune.rounds.coalitions import Spread
from crowdtune.rounds.groups import Groups, assign
from crowdtune.rounds.groups import membership as membership
from crowdtune.rounds.job import MODEL, Done, Job
from crowdtune.rounds.options import Rounds
from crowdtune.rounds.record import (
    Change,
    Planned,
    Round,
    forget,
    load_plan,
    load_rounds,
    names_of,
    place_of,
    save,
    standing,
)
from crowdtune.rounds.target import Gain, Target

BASE, AVERAGE, UNTRAINED = "base", "average", "untrained"  # jobs of a round beside group-1, probe-1, ...
AGAIN, WINNER = "fresh-base", "fresh-winner"  # measured once more


@dataclass(frozen=True, eq=False)
class Play:
    """What all rounds share.

    Args:
        targets: the first selects, the others may veto.
        options: how rounds are played.
        folder: keeps the rounds.
        spread: does jobs.
    """

    targets: Sequence[Target]
    options: Rounds
    folder: Path
    spread: Spread

    def __post_init__(self) -> None:
        names = [target.name for target in self.targets]
        if not names or len(set(names)) < len(names):
            raise InputError(f"targets {', '.join(names) or '(none)'}: there must be one or more, each once.")
        object.__setattr__(self, "folder", self.folder.resolve())

    def rounds(self, brought: Mapping[str, str]) -> Iterator[Round]:
        """Play until a rule says stop; rounds that are over already come first.

        Args:
            brought: name of an annotator -> hash of the contributions. Names that no earlier round knows join late, in
                this order; whoever is no longer here takes no further part.
        """
        done = load_rounds(self.folder)
        for one in done:
            self._tidy(one)
            yield one
        while not self.stopped(done, brought):
            done.append(self._next(done, brought))
            yield done[-1]

    def stopped(self, done: Sequence[Round], brought: Collection[str]) -> str:
        """Why no further round is played; "" where one is. Whoever joins late gets a round."""
        options, first = self.options, self.targets[0].name
        if len(done) >= options.rounds:
            return f"{options.rounds} rounds are played"
        if not done or set(brought) - set(done[-1].players):
            return ""
        last, tail = done[-1], done[-options.patience :]
        if options.enough is not None and last.accepted and last.reached[first] >= options.enough:
            return f"{first} reached {last.reached[first]:.4g}, of which {options.enough:.4g} is enough"
        same = len(tail) == options.patience and all(set(one.players) == set(last.players) for one in tail)
        if same and not any(one.accepted for one in tail):
            return f"{options.patience} rounds in a row gave no better base"
        return ""

    def _next(self, done: Sequence[Round], brought: Mapping[str, str]) -> Round:
        number = len(done) + 1
        plan = self._begun(number, done, brought)
        one = self._judged(number, done[-1].then if done else "", plan)
        save(self.folder, number, one)
        self._tidy(one)
        return one

    def _begun(self, number: int, done: Sequence[Round], brought: Mapping[str, str]) -> Planned:
        """Who trains with whom: as the round was begun, unless somebody's contributions have changed since."""
        before = load_plan(self.folder, number)
        if before is not None and all(brought.get(name) == sha for name, sha in before.brought.items()):
            return before
        forget(self.folder, number)
        known = [name for name in (done[-1].players if done else ()) if name in brought]
        players = (*known, *(name for name in brought if name not in known))
        options = self.options
        groups = assign(
            options.strategy,
            standing(done, players),
            options.groups,
            round_number=number,
            seed=options.seed,
            epsilon=options.epsilon,
        )
        plan = Planned(players, {name: brought[name] for name in players}, groups)
        save(self.folder, number, plan)
        return plan

    def _judged(self, number: int, base: str, plan: Planned) -> Round:
        """Train, measure, choose, confirm."""
        place, first = place_of(self.folder, number), self.targets[0]
        for left in place.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        done = self._trained(number, base, plan.groups)
        start = done[place / BASE]
        names = names_of(plan.groups)
        found = {name: gains(self.targets, start, done[place / name]) for name in names}
        steps = {at.name: one.steps for at, one in done.items() if one.steps}
        if self.options.merge == "average" and len(names) > 1:
            parents = best(found, first, 2)
            done |= self._averaged(number, base, parents)
            steps[AVERAGE] = sum(steps[name] for name in parents)
            found[AVERAGE] = gains(self.targets, start, done[place / AVERAGE])
        winner = best(found, first)[0]
        reached, fresh = scores(self.targets, start), dict[str, Gain]()
        if found[winner][first.name].value > 0:
            again = self._confirmed(number, base, winner)
            fresh = gains(self.targets, again[place / AGAIN], again[place / WINNER])
        accepted, why = verdict(self.targets, fresh)
        if accepted:
            reached = scores(self.targets, again[place / WINNER])
        won = np.array([found[name][first.name].value for name in names])
        points = shared_points(won, membership(plan.groups, plan.players))
        return Round(
            number=number,
            players=plan.players,
            groups=plan.groups,
            base=base,
            scores=scores(self.targets, start),
            gains={name: _written(own) for name, own in found.items()},
            winner=winner,
            fresh=_written(fresh),
            accepted=accepted,
            why=why,
            then=self._within(place / winner / MODEL) if accepted else base,
            reached=reached,
            points=dict(zip(plan.players, points.tolist(), strict=True)),
            probes=self._probed(number, base, len(names), done),
            steps=steps,
        )

    def _trained(self, number: int, base: str, groups: Groups) -> dict[Path, Done]:
        """Every group's copy of the base, and of the untrained model where it is probed as well."""
        place, draws = place_of(self.folder, number), self._seeds(number, 1, self.options.draws)
        (seed,), steps = self._seeds(number, 0, 1), self.options.steps
        jobs = {place / BASE: Job(self._at(base), (), 0, draws, keep=False)}
        for name, members in zip(names_of(groups), groups, strict=True):
            jobs[place / name] = Job(self._at(base), members, seed, draws, steps=steps)
        if self.options.probe and base:
            jobs[place / UNTRAINED] = Job("", (), 0, draws, keep=False)
            for g, members in enumerate(groups, start=1):
                jobs[place / f"probe-{g}"] = Job("", members, seed, draws, keep=False, steps=steps)
        return self.spread(jobs)

    def _averaged(self, number: int, base: str, names: Sequence[str]) -> dict[Path, Done]:
        place = place_of(self.folder, number)
        parents = tuple(str(place / name / MODEL) for name in names)
        draws = self._seeds(number, 1, self.options.draws)
        return self.spread({place / AVERAGE: Job(self._at(base), (), 0, draws, parents)})

    def _confirmed(self, number: int, base: str, winner: str) -> dict[Path, Done]:
        """The base and the winner on samples that nothing was chosen by."""
        place, draws = place_of(self.folder, number), self._seeds(number, 2, self.options.draws)
        models = {place / AGAIN: self._at(base), place / WINNER: str(place / winner / MODEL)}
        return self.spread({at: Job(model, (), 0, draws, keep=False) for at, model in models.items()})

    def _probed(self, number: int, base: str, count: int, done: Mapping[Path, Done]) -> tuple[float, ...]:
        """(G,) gains of the trainings of the untrained model; in rounds that start from it the groups' own."""
        if not self.options.probe:
            return ()
        place, first = place_of(self.folder, number), self.targets[:1]
        start, kind = (place / UNTRAINED, "probe") if base else (place / BASE, "group")
        found = [gains(first, done[start], done[place / f"{kind}-{g}"]) for g in range(1, count + 1)]
        return tuple(own[first[0].name].value for own in found)

    def _tidy(self, one: Round) -> None:
        """Of the models of a round keep the one that is the next base, unless all are wanted."""
        if self.options.keep_all:
            return
        place = place_of(self.folder, one.number)
        for model in place.glob(f"*/{MODEL}"):
            if self._within(model) != one.then:
                shutil.rmtree(model)

    def _seeds(self, number: int, purpose: int, count: int) -> tuple[int, ...]:
        """Of training (0), of the round's samples (1), of fresh ones (2)."""
        state = np.random.SeedSequence([self.options.seed, number, purpose]).generate_state(count)
        return tuple((state >> 1).tolist())

    def _at(self, base: str) -> str:
        return str(self.folder / base) if base else ""

    def _within(self, model: Path) -> str:
        return model.relative_to(self.folder).as_posix()


def _written(found: Mapping[str, Gain]) -> dict[str, Change]:
    return {name: Change.of(gain) for name, gain in found.items()}
