"""Which column means what: the names annotation tools use, in order of precedence."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crowdtune.errors import InputError
from crowdtune.read.labels import clean
from crowdtune.read.opened import Opened

ALIASES: dict[str, tuple[str, ...]] = {
    "item": (
        "item", "item_id", "id", "example_id", "instance_id", "record_id", "sample_id", "text_id", "doc_id",
        "question_id", "uid", "HITId", "_input_hash", "question",
    ),
    "task": ("task", "task_id"),
    "annotator": (
        "annotator", "annotator_id", "worker", "worker_id", "user_id", "rater_id", "performer", "WorkerId",
        "completed_by", "_annotator_id", "PROLIFIC_PID", "rater", "coder", "labeler", "labeller", "reviewer", "user",
        "username", "judge", "judge_model", "model",
    ),
    "label": (
        "label", "value", "answer", "annotation", "response", "choice", "rating", "winner", "preference", "stars",
        "score", "grade", "labels",
    ),
    "gold": ("gold", "truth", "gold_label"),
    "prompt": ("prompt", "text", "question", "sentence", "input", "content"),
    "choices": ("choices", "options"),
    "posterior": (
        "posterior", "label_distribution", "distribution", "soft_label", "soft_labels", "label_dist",
    ),
    "counts": ("counts", "label_counter", "label_counts", "vote_counts", "label_count", "votes"),
    "split": ("split",),
    "kind": ("kind",),
    "seconds": ("seconds", "lead_time", "duration", "time_spent"),
    "time": ("time", "timestamp", "created_at", "updated_at", "submitted_at", "SubmitTime", "_timestamp"),
}  # fmt: skip
NESTED = ("annotations", "annotators", "responses", "labels")  # answers inside an item's record
NEVER_GOLD = ("stars", "score", "grade", "winner", "preference")  # labels only where somebody is named as giving them
GRADES = frozenset({"rating", "stars", "score", "grade"})  # of whole numbers these are grades
HIGHEST = 100  # a larger number is a measurement


def assign(names: Collection[str], chosen: Mapping[str, str], where: str) -> dict[str, str]:
    """Give each role its column.

    `task` and `task_id` mean the item only where no other item column exists (crowd-kit); a column has one role. Upper
    and lower case are one, but a column spelled exactly so goes first.

    Args:
        names: column names of the file.
        chosen: roles the user assigned, e.g. {"label": "my_column"}.
        where: the file, for errors.

    Returns:
        role -> column, only roles that were found.

    Example:
        >>> assign(["task", "worker", "label"], {}, "f.csv")
        {'item': 'task', 'annotator': 'worker', 'label': 'label'}
    """
    roles: dict[str, str] = {}
    spelled = {name.casefold(): name for name in reversed(list(names))} | {name: name for name in names}
    for role, column in chosen.items():
        if column not in names:
            raise InputError(f"{where}: no column '{column}' for {role}. Columns: {', '.join(names)}.")
        roles[role] = column
    for role, aliases in ALIASES.items():
        taken = set(roles.values())
        columns = [spelled.get(alias) or spelled.get(alias.casefold()) for alias in aliases]
        found = [column for column in columns if column and column not in taken]
        if role not in roles and found:
            roles[role] = found[0]
    if "item" not in roles and "task" in roles:
        roles = {"item": roles.pop("task")} | roles
    return roles


def is_grade(opened: Opened, column: str) -> bool:
    """True for a column named like a rating whose first answers are small whole numbers."""
    found = {clean(row.cells.get(column)) for row in opened.sample} - {""}
    small = all(text.isascii() and text.isdigit() and int(text[:9]) <= HIGHEST for text in found)
    return column in GRADES and small and bool(found)
