"""What each annotator's contribution is worth to a model: games, and who moved them how far."""
