"""Which of a model's arguments are of the batch, and which image a layer sees: measured, not guessed from lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from .borrowing import borrowing
from .hooks import hooked, map_tensors
from .inputs import Inputs
from .outputs import Outputs
from .taps import Place, parts_of

Name = int | str
TOLERANCE = 1e-4  # of a score: what is below it is rounding


def shared_arguments(model: nn.Module, inputs: Inputs, scores_of: Callable[[Any], Outputs]) -> frozenset[Name]:
    """Return the arguments that are as long as the batch, but the same for every image, such as a list of prompts.

    An argument is shared where the first image's scores change with its second item.
    """
    open_ = {name: value for name, value in _arguments(inputs) if _is_as_long(value, inputs)}
    if not open_:
        return frozenset()
    with borrowing(model) as borrowed, borrowed.interruptible():
        if inputs.count == 1:
            return frozenset(open_) if _repeats_alone(model, inputs, frozenset(open_), scores_of) else frozenset()
        own = _scores(model, inputs, scores_of)
        shared = {name for name, value in open_.items() if _reaches(model, inputs, name, value, own, scores_of)}
    shapes = {_shape(open_[name]) for name in shared}
    # A mask of the prompts may hide nothing, and so tell nothing: it goes with what is as long.
    return frozenset(shared | {name for name, value in open_.items() if _shape(value) in shapes and _shape(value)})


def _arguments(inputs: Inputs) -> Iterator[tuple[Name, Any]]:
    yield from enumerate(inputs.args)
    yield from inputs.kwargs.items()


def _is_as_long(value: Any, inputs: Inputs) -> bool:
    if value is inputs.images:
        return False
    if isinstance(value, Tensor):
        return value.ndim > 0 and len(value) == inputs.count
    return isinstance(value, list) and len(value) == inputs.count


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _scores(model: nn.Module, inputs: Inputs, scores_of: Callable[[Any], Outputs]) -> Tensor | None:
    try:
        with borrowing(model) as borrowed, borrowed.interruptible():  # each pass begins where the first one did
            scores = scores_of(inputs.run(model))
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None
    return scores.float() if isinstance(scores, Tensor) else None


def _repeats_alone(
    model: nn.Module, inputs: Inputs, names: frozenset[Name], scores_of: Callable[[Any], Outputs]
) -> bool:
    """Say whether an image can be repeated without those arguments, and its scores stay what they are."""
    once = _scores(model, inputs, scores_of)
    twice = _scores(model, replace(inputs, shared=inputs.shared | names).of_images([0, 0]), scores_of)
    return (
        once is not None
        and twice is not None
        and twice.shape == (2, *once.shape[1:])
        and not _differs(twice[0], once[0])
    )


def _reaches(
    model: nn.Module,
    inputs: Inputs,
    name: Name,
    value: Any,
    own: Tensor | None,
    scores_of: Callable[[Any], Outputs],
) -> bool:
    """Say whether the first image's scores change with an argument's second item."""
    other = _with_another_second(value)
    if other is None or own is None:
        return False
    args = tuple(other if position == name else given for position, given in enumerate(inputs.args))
    kwargs = {key: other if key == name else given for key, given in inputs.kwargs.items()}
    image = inputs.image if inputs.image is not None else _name_of_images(inputs)
    scores = _scores(model, replace(inputs, args=args, kwargs=kwargs, image=image), scores_of)
    return scores is not None and (scores.shape != own.shape or _differs(scores[0], own[0]))


def _name_of_images(inputs: Inputs) -> Name | None:
    return next((name for name, value in _arguments(inputs) if value is inputs.images), None)


def _differs(one: Tensor, other: Tensor) -> bool:
    scale = float(other.abs().nan_to_num().max()) or 1.0
    difference = (one - other).abs()
    return bool((difference > TOLERANCE * scale).any()) or bool((one.isnan() != other.isnan()).any())


def _with_another_second(value: Any) -> Any:
    """Return an argument whose second item is another one, of values that occur in it; None where there is none."""
    if isinstance(value, list):
        return [value[0], value[0], *value[2:]] if value[1] is not value[0] else None
    second = value[1]
    if value.is_floating_point():
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(second.shape, generator=generator).to(value)
        other = second + noise * (second.float().std(correction=0).to(value) + second.abs().mean() + 1e-3)
    else:
        choices = [value[0], second.flip(-1) if second.ndim else second, torch.zeros_like(second)]
        other = next((choice for choice in choices if not torch.equal(choice, second)), second)
    if torch.equal(other, second):
        return None
    changed = value.clone()
    changed[1] = other
    return changed


def images_seen(model: nn.Module, inputs: Inputs, layers: Mapping[str, nn.Module]) -> dict[str, Name]:
    """Return for each layer which of several images of one kind its output changes with, where it is not the first.

    Of siamese networks, whose layers run once for each image.
    """
    first = _name_of_images(inputs)
    kind = inputs.images
    others = [
        name
        for name, value in _arguments(inputs)
        if name != first and isinstance(value, Tensor) and isinstance(kind, Tensor) and _is_like(value, kind)
    ]
    if inputs.image is not None or first is None or not others:
        return {}
    with borrowing(model) as borrowed, borrowed.interruptible():
        own = _outputs(model, inputs, layers)
        unlike: dict[Name, set[str]] = {}
        for name in (first, *others):
            generator = torch.Generator().manual_seed(0)

            def moved(value: Tensor, generator: torch.Generator = generator) -> Tensor:
                return value + torch.randn(value.shape, generator=generator).to(value) * (value.abs().mean() + 1e-3)

            args = tuple(moved(given) if position == name else given for position, given in enumerate(inputs.args))
            kwargs = {key: moved(given) if key == name else given for key, given in inputs.kwargs.items()}
            changed = _outputs(model, replace(inputs, args=args, kwargs=kwargs), layers)
            unlike[name] = {
                label
                for label in layers
                if label in own and label in changed and not torch.equal(own[label], changed[label])
            }
    return {
        label: next(name for name in others if label in unlike[name])
        for label in layers
        if label not in unlike[first] and any(label in unlike[name] for name in others)
    }


def _is_like(value: Tensor, images: Tensor) -> bool:
    return value.ndim == images.ndim and value.is_floating_point() == images.is_floating_point()


def _outputs(model: nn.Module, inputs: Inputs, layers: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    runs = dict.fromkeys(layers, 0)

    def keeping(label: str) -> Any:
        place = Place.of(label)

        def keep(module: nn.Module, args: Any, output: Any) -> None:
            runs[label] += 1
            if runs[label] == (place.run or 1):
                tensors: list[Tensor] = []
                map_tensors(tensors.append, parts_of(output).get(place.part, output))
                if tensors:
                    found[label] = torch.cat([tensor.detach().float().flatten() for tensor in tensors])

        return keep

    with (
        borrowing(model) as borrowed,
        borrowed.interruptible(),
        hooked(*(module.register_forward_hook(keeping(label)) for label, module in layers.items())),
    ):
        inputs.run(model)
    return found
