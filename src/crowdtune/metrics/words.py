"""A verdict in plain words: what decides, under which assumption, what to do next."""

from __future__ import annotations

SHOWN = 3  # names of a camp, and camps

LABELS = (
    "Resolved by the labels: most are of annotators who agree with each other, and hardly any of annotators who may "
    "contradict them. This holds unless nine in ten labels err in concert."
)
ALONE = (
    "Unresolvable: there is one annotator, so nothing can be said of whom to trust; its labels are taken as they are."
)
SPREAD = (
    "No single truth is sought: what share of people says what is learned as it is, so a crowd that errs together is "
    "learned too."
)
NO_LABELS = "Unresolvable: there is no label on an item with two choices or more."


def model(z: float) -> str:
    """The model decides, by z standard deviations."""
    return (
        "Resolved by the model: the labels alone cannot tell the truth from its opposite, what the untrained model "
        f"says of the items can (z = {z:.1f}). This holds if the model is right more often than chance; check some "
        "items by hand."
    )


def gold(count: int) -> str:
    """Gold decides."""
    return f"Resolved by gold: of the explanations that the labels allow, {count} gold items leave one."


def contradicted(needed: int) -> str:
    """The model says the opposite of annotators who agree."""
    return (
        "Ambiguous: the annotators agree with each other, and the untrained model says the opposite. Either it "
        f"misreads the question (say in the prompt what is asked: template=...) or they err in concert. {ask(needed)}"
    )


def rivals(camps: list[list[str]], z: float, needed: int) -> str:
    """Camps contradict each other and the model favours none."""
    named = "; ".join(_camp(names) for names in camps[:SHOWN])
    said = f"{len(camps)} camps contradict each other ({named})"
    if len(camps) == 1:
        said = f"one camp agrees ({named}), too many others may be against it"
    elif not camps:
        said = "the labels can be read in ways that exclude each other"
    return f"Ambiguous: {said}, and the untrained model does not decide who is right (z = {z:.1f}). {ask(needed)}"


def thin(risk: float, needed: int) -> str:
    """The model decides who is right on the whole, not for each annotator."""
    return (
        "Ambiguous: the untrained model tells who is right on the whole, but of some annotators there are too few "
        f"labels: misjudging them may cost {risk:.0%} of the items. {ask(needed)}"
    )


def nothing(z: float, needed: int) -> str:
    """No camp, and no word of the model's."""
    return (
        "Unresolvable: annotators agree neither with each other nor with the untrained model so clearly that chance is "
        f"ruled out (z = {z:.1f}). Let several annotators label the same items, take a model that knows more, or give "
        f"gold: {needed} items, --set gold={needed}."
    )


def flipped(kept: float, promised: float, chance: float, z: float, needed: int) -> str:
    """Training left the explanation that had been judged."""
    return (
        f"Ambiguous, flipped in training: by what was resolved before, the truths found after it have a probability of "
        f"{kept:.0%} ({promised:.0%} if they were the same, {chance:.0%} by chance); z = {z:.1f} with the untrained "
        f"model. Do not use this model. {ask(needed)}"
    )


def tasks(open_: list[str], total: int, worst: str) -> str:
    """Some tasks are not resolved."""
    return f"{total - len(open_)} of {total} tasks are resolved, not: {_camp(open_)}. {open_[0]}: {worst}"


def ask(needed: int) -> str:
    """Ask for gold."""
    return (
        f"To decide, give the right answer of {needed} items drawn at random in a gold column and --set gold={needed}."
    )


def _camp(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
