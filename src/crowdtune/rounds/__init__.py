"""Parts of Crowd-SFT: groups, trainings side by side, targets, selection, points, ledger. No torch here."""
