"""Objectives: log-probabilities of choices, and labels or targets, to a loss in nats."""
