"""Names for the types that the public functions take, each spelled out once.

Nothing here imports torch or TensorBoard; their types are looked at by type checkers alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tensorboard_plugin_gradcam.cam.methods import Method
    from tensorboard_plugin_gradcam.explanation import Explanation
    from tensorboard_plugin_gradcam.measures import Measure

MethodName = Literal[
    "grad_cam", "grad_cam_plus_plus", "smooth_grad_cam_plus_plus", "xgrad_cam", "hires_cam", "grad_cam_element_wise",
    "layer_cam", "eigen_cam", "eigen_grad_cam", "fem", "ablation_cam", "score_cam", "ss_cam", "is_cam", "shapley_cam",
    "finer_cam", "cam", "full_grad", "legrad", "guided_backprop", "guided_grad_cam", "kpca_cam",
    "deep_feature_factorization", "random_cam", "recipro_cam", "odam", "attention_rollout", "grad_eclip",
]  # fmt: skip
"""The methods' names; at run time other spellings ("GradCAM", "gradcam++") are understood, too."""

DataFormats = Literal[
    "NHWC", "NCHW", "NHW", "NDHW", "NDHWC", "NCDHW", "HWC", "CHW", "HW", "DHW", "DHWC", "CDHW"
]  # fmt: skip


class Array(Protocol):
    """An array of any framework: torch's tensors, TensorFlow's, JAX's."""

    @property
    def shape(self) -> Any:
        """Its size on each axis."""

    @property
    def dtype(self) -> Any:
        """The type of its numbers."""


class PILImage(Protocol):
    """An image of Pillow."""

    def getbands(self) -> tuple[str, ...]:
        """Return the names of its channels."""

    def convert(self, mode: str) -> Any:
        """Return it in another mode."""


class SummaryWriterLike(Protocol):
    """A `SummaryWriter` of torch or tensorboardX."""

    def add_scalar(self, *args: Any, **kwargs: Any) -> Any:
        """Log a scalar."""

    def flush(self) -> Any:
        """Write what is pending."""


class TensorFlowWriter(Protocol):
    """A writer of `tf.summary`."""

    def as_default(self, *args: Any, **kwargs: Any) -> Any:
        """Make it the default."""

    def flush(self) -> Any:
        """Write what is pending."""


class HasExperiment(Protocol):
    """A logger that has its writer as `experiment`, such as Lightning's `TensorBoardLogger`."""

    @property
    def experiment(self) -> Any:
        """The writer."""


class CAMLike(Protocol):
    """A `CAM` of any framework."""

    @property
    def methods(self) -> Any:
        """The methods that are computed."""

    @property
    def layers(self) -> tuple[str, ...] | None:
        """The layers' names."""

    def __call__(self, inputs: Any, targets: Any = None) -> Explanation:
        """Explain what the model says of inputs."""


class TargetLike(Protocol):
    """From one image's output to the scalar that is explained."""

    def __call__(self, output: Any, /) -> Any:
        """Return the scalar."""


class BoxTarget(Protocol):
    """One of a detector's boxes, such as `DetectedBox`."""

    def find(self, output: Any) -> Any:
        """Return the box's score."""


Writer: TypeAlias = "str | os.PathLike[str] | SummaryWriterLike | TensorFlowWriter | HasExperiment | None"
Numbers: TypeAlias = "ArrayLike | Array | Sequence[Array]"
Image: TypeAlias = "NDArray[Any] | Array | PILImage | str | os.PathLike[str]"
Images: TypeAlias = "NDArray[Any] | Array | Sequence[Image]"
Labels: TypeAlias = "ArrayLike | Array | Sequence[Any]"
Maps: TypeAlias = "NDArray[Any] | Array | Sequence[Any] | Mapping[str, Any] | Mapping[tuple[str, str], Any]"
PerSample: TypeAlias = "Sequence[Any] | NDArray[Any] | Array"
Layers: TypeAlias = "str | nn.Module | Iterable[str | nn.Module] | None"
MethodLike: TypeAlias = "MethodName | Method | Callable[..., Tensor]"
Methods: TypeAlias = "MethodLike | list[Any] | tuple[Any, ...]"  # no sequences of texts: a text is one, too
Measures: TypeAlias = "str | Measure | Iterable[str | Measure]"
ModelInputs: TypeAlias = "Tensor | NDArray[Any] | Array | tuple[Any, ...] | list[Tensor] | Mapping[str, Any]"
Target: TypeAlias = "int | np.integer[Any] | TargetLike | BoxTarget | None"
Targets: TypeAlias = "Target | NDArray[Any] | Array | Sequence[Target | Sequence[Target]]"
LabelOrTargets: TypeAlias = 'Literal["label", "both"] | Targets'
Step: TypeAlias = "int | np.integer[Any] | Array"


class Nothing(TypedDict):
    """No further arguments."""
