"""Simulated annotators: how reliable, how they err, who labels what. numpy only, but for `scales` (scipy)."""

from crowdtune.simulate.crowd import simulate as simulate
from crowdtune.simulate.noise import NOISES as NOISES
from crowdtune.simulate.reliability import numbers as numbers
from crowdtune.simulate.reliability import reliability as reliability
