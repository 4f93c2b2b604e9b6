"""Annotator models: P(label | truth, annotator, item). Each is a file: a torch module with the contract of `labels`."""
