"""Annotators fitted by EM on a table of log-probabilities: the truths are hidden, every update has a closed form.

A file per annotator model: an immutable value with the contract of `given.Annotators`. numpy alone, no torch.
"""
