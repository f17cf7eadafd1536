"""Arrays of any framework, as numpy arrays.

Torch, TensorFlow and JAX are recognised by what their arrays can do, so none of them is imported here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_numpy(value: Any, name: str) -> NDArray[Any]:
    """Return an array of numbers from anything with `__array__` or DLPack, from any device, or from lists of such.

    Args:
        value: what was passed.
        name: of the argument, for the error.

    Raises:
        TypeError: it does not hold numbers.
    """
    array = _converted(value)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):  # JAX's, which numpy knows as void
        return array.astype(np.float32)
    raise TypeError(f"expected {name} to be an array of numbers, got {type(value).__name__} of dtype {array.dtype}")


def _converted(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return _from_torch(value)
    if isinstance(value, (list, tuple)) and any(hasattr(item, "__dlpack__") for item in value):
        return np.stack([_converted(item) for item in value])
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    try:
        return np.asarray(value)
    except ValueError:  # lists of unequal lengths
        return np.asarray(value, dtype=object)


def _from_torch(tensor: Any) -> NDArray[Any]:
    # `resolve_*`: conjugate and negative views have no numpy form; bfloat16 and float8 neither.
    tensor = tensor.detach().cpu()
    if "float8" in str(tensor.dtype) or "bfloat16" in str(tensor.dtype):
        tensor = tensor.float()
    array: NDArray[Any] = tensor.resolve_neg().numpy()
    return array


def numbers(value: Any, name: str, shape: tuple[int, ...], dtype: type[Any] = np.float32) -> NDArray[Any] | None:
    """Return an argument of a known shape, or None where it was not given."""
    if value is None:
        return None
    array = to_numpy(value, name)
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {array.shape}")
    if np.issubdtype(dtype, np.integer) and array.dtype.kind == "f":
        raise TypeError(f"expected {name} to be integers, got {array.dtype}")
    return array.astype(dtype)
