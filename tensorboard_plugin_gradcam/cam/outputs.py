"""Where the scores are in what a model returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from tensorboard_plugin_gradcam.explanation import is_detection

Outputs: TypeAlias = Tensor | Sequence[Mapping[str, Tensor]]

# Hugging Face's names, torchvision's, and what people call them.
_NAMES = ("logits", "out", "logits_per_image", "scores", "output", "outputs", "preds", "predictions")


def scores_of(outputs: Any) -> Outputs:
    """Return the tensor ``(N, ...)`` that holds the scores in what a model returned; a detector's boxes as they are.

    In mappings and objects it goes by its name (`logits`, `out`, ...) or is the only tensor; tuples and lists stand for
    their first item that holds scores (a loss, a scalar, may stand before them).

    Raises:
        TypeError: where none is found.
    """
    found = next(_scores(outputs), None)
    if found is None:
        raise TypeError(
            f"expected scores (a tensor, a tuple, or a mapping with 'logits' or 'out'), got {_described(outputs)}: "
            "wrap the model in a module that returns the scores"
        )
    return found


def scores_at(output: int | str | Callable[[Any], Any] | None) -> Callable[[Any], Outputs]:
    """Return the function that finds the scores: at an index or key of what a model returns, or as the caller says.

    Args:
        output: index, key or attribute; a function of the whole output; None for `scores_of`.
    """
    if output is None:
        return scores_of
    if callable(output):
        return output

    def at(outputs: Any) -> Outputs:
        try:
            is_container = hasattr(outputs, "__getitem__") and not isinstance(outputs, Tensor)
            found = outputs[output] if is_container else getattr(outputs, str(output))
        except (KeyError, IndexError, AttributeError, TypeError):
            raise ValueError(f"expected output= to be a part of {_described(outputs)}, got {output!r}") from None
        return scores_of(found)

    return at


def _scores(outputs: Any) -> Iterator[Outputs]:
    if isinstance(outputs, Tensor):
        if outputs.ndim:
            yield outputs
        return
    if is_detection(outputs):
        yield outputs
        return
    for name in _NAMES:
        value = outputs.get(name) if isinstance(outputs, Mapping) else getattr(outputs, name, None)
        if isinstance(value, Tensor):
            yield value
    if isinstance(outputs, Mapping):
        tensors = [value for value in outputs.values() if isinstance(value, Tensor) and value.ndim]
        if len(tensors) == 1:
            yield tensors[0]
    elif isinstance(outputs, (list, tuple)):
        for item in outputs:
            yield from _scores(item)


def _described(outputs: Any) -> str:
    if isinstance(outputs, (tuple, list)):
        return f"a {type(outputs).__name__} of {len(outputs)}"
    if isinstance(outputs, Mapping):
        return f"a {type(outputs).__name__} with {', '.join(map(repr, outputs)) or 'nothing'}"
    return f"a {type(outputs).__name__}"
