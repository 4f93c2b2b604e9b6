"""The papers' experiments as grids of cells, each run once, whatever interrupts them. Importing a part imports torch
only where it trains."""
