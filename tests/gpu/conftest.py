from __future__ import annotations

import os
import warnings

import pytest
import torch

ASKED = os.environ.get("GRADCAM_TEST_DEVICE", "cuda")  # "cpu" runs what does not need CUDA itself


@pytest.fixture
def device() -> torch.device:
    """The device that is tested; the test is skipped with words where there is none."""
    if ASKED == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device (GRADCAM_TEST_DEVICE=cpu tries the tests themselves on the CPU)")
    return torch.device(ASKED)


@pytest.fixture
def cuda(device: torch.device) -> torch.device:
    """A CUDA device, for what exists on none but those."""
    if device.type != "cuda":
        pytest.skip("needs CUDA itself")
    return device


@pytest.fixture(autouse=True)
def deterministic() -> object:
    """The same numbers at each run: cuDNN and cuBLAS may else choose other algorithms."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deterministic.*")
        yield
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.benchmark = before[1]
