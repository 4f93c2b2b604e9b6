"""Rewards for reinforcement learning: plain functions as TRL's GRPOTrainer takes them; nothing here needs torch."""

from crowdtune.rewards.distribution import distribution_reward as distribution_reward
from crowdtune.rewards.distribution import weighted as weighted
