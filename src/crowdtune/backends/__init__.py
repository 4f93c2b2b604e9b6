"""Backends: where a question to a language model goes. One small protocol, a file for each.

A backend answers requests in any order, as they are ready; `ask` puts a store in front of it, so that no question is
asked twice, not even by a later process. The backend that runs transformers on this machine is `lm.local`.
"""

from crowdtune.backends.request import Backend as Backend
from crowdtune.backends.request import Reply as Reply
from crowdtune.backends.request import Request as Request
