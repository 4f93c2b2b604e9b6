"""What all tests share: no network, a key of pseudonyms, tiny models on disk, one of each architecture."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: no test asks the hub
os.environ["CROWDTUNE_KEY"] = "of the tests"  # the user's own key is left alone


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_llama

    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def tiny_teller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its words hold distributions over yes and no."""
    from tests.tiny import save_llama, telling_tokenizer

    return save_llama(tmp_path_factory.mktemp("teller"), telling_tokenizer(), spread=0.3)


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_t5

    return save_t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_gpt2

    return save_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import save_bert

    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(params=["llama", "t5"])
def tiny(request: pytest.FixtureRequest) -> Path:
    """Each tiny model in turn."""
    folder: Path = request.getfixturevalue(f"tiny_{request.param}")
    return folder
