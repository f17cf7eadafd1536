"""torchvision first: Triton 3.8, which it loads, crashes the process where TensorFlow 2.21 was imported before it."""

import torchvision  # noqa: F401
