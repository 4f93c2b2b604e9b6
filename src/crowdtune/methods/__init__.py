"""Methods: whole procedures that fine-tune a language model on annotations. A method is a file here.

Importing this package imports torch.
"""

from crowdtune.methods._aims import Custom as Custom
from crowdtune.methods._aims import Distance as Distance
from crowdtune.methods._aims import Drawing as Drawing
from crowdtune.methods._aims import HeldOut as HeldOut
from crowdtune.methods._aims import Reward as Reward
from crowdtune.methods._aims import centroid_of as centroid_of
from crowdtune.methods._aims import neighbours as neighbours
from crowdtune.methods._calibrate import calibrate as calibrate
from crowdtune.methods._calibrate import saved_temperature as saved_temperature
from crowdtune.methods._calibrate import set_temperature as set_temperature
from crowdtune.methods._clean import clean as clean
from crowdtune.methods._crowd_sft import rounds as rounds
from crowdtune.methods._distribution import annotators_of as annotators_of
from crowdtune.methods._distribution import predict_distribution as predict_distribution
from crowdtune.methods._judged import Judged as Judged
from crowdtune.methods._judged import aims as aims
from crowdtune.methods._judged import judging as judging
from crowdtune.methods._memory import foresee as foresee
from crowdtune.methods._options import options as options
from crowdtune.methods._predict import evaluate as evaluate
from crowdtune.methods._predict import foretold as foretold
from crowdtune.methods._predict import predict as predict
from crowdtune.methods._predict import quality as quality
from crowdtune.methods._predict import rewards as rewards
from crowdtune.methods._predict import shared_choices as shared_choices
from crowdtune.methods._start import Start as Start
from crowdtune.methods._start import prepare as prepare
from crowdtune.methods._train import train as train
from crowdtune.methods._tuning import Tuning as Tuning
