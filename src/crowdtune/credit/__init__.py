"""What each annotator's contribution is worth to a model: games, and who moved them how far."""

from crowdtune.credit.design import probes
from crowdtune.credit.game import Credit, Game, Remembered, Worth
from crowdtune.credit.nearest import knn_shapley
from crowdtune.credit.points import Agreement, agreement, points_error, shared_points
from crowdtune.credit.regression import ridge, ridge_of
from crowdtune.credit.sampled import permutations
from crowdtune.credit.semivalues import banzhaf, beta_shapley, exact, leave_one_out

__all__ = [
    "Agreement",
    "Credit",
    "Game",
    "Remembered",
    "Worth",
    "agreement",
    "banzhaf",
    "beta_shapley",
    "exact",
    "knn_shapley",
    "leave_one_out",
    "permutations",
    "points_error",
    "probes",
    "ridge",
    "ridge_of",
    "shared_points",
]
