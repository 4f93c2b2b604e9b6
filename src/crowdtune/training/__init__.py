"""CrowdTrainer: a Hugging Face trainer that knows who said what. Importing this package imports torch."""

from crowdtune.training.config import CrowdConfig as CrowdConfig
from crowdtune.training.trainer import CrowdTrainer as CrowdTrainer
