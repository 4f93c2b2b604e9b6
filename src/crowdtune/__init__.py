"""crowdtune: fine-tune language models on labels from annotators you can't equally trust.

Importing this package never imports torch. What trains lives in `crowdtune.methods` and `crowdtune.training`.
"""

from crowdtune.annotations import Annotations as Annotations
from crowdtune.annotations import Items as Items
from crowdtune.errors import InputError as InputError
from crowdtune.examples import Examples as Examples
from crowdtune.read import Policy as Policy
from crowdtune.read import read as read

__version__ = "0.1.0"
