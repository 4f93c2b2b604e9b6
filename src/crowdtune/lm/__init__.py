"""Language models: load, prompt, score choices. The only folder that knows transformers' models."""
