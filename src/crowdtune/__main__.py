"""`python -m crowdtune`, so that `accelerate launch -m crowdtune train ...` works."""

from crowdtune.cli import main

main()
