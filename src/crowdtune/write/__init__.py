"""Annotations and labels as files for other tools, and as the folder `crowdtune` itself reads."""
