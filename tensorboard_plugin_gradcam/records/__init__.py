"""The wire format of Grad-CAM records: what writers and viewers share, and nothing else.

`Series` says what a TensorBoard tag holds; `Cohort`, `Predictions` and `Maps` are what is stored under it. Each is a
frozen dataclass of numpy arrays with `to_bytes` and `from_bytes`. Decoding trusts nothing: whatever the bytes, it
raises only `CorruptRecord` or `NewerFormat`, and decodes at most `MAX_CELLS` array cells a record.
"""

from tensorboard_plugin_gradcam.records.arrays import MAX_CELLS
from tensorboard_plugin_gradcam.records.cohort import (
    Batch,
    Box,
    Cohort,
    CohortParts,
    Identities,
    Sample,
    boxes_of,
    mask_of,
    sample_of,
)
from tensorboard_plugin_gradcam.records.digests import digest_of_bytes, digest_of_pixels
from tensorboard_plugin_gradcam.records.errors import CorruptRecord, NewerFormat
from tensorboard_plugin_gradcam.records.lease import Lease
from tensorboard_plugin_gradcam.records.picture_files import seal_picture, verify_picture
from tensorboard_plugin_gradcam.records.quantisation import Precision, Quantised, dequantised, quantised
from tensorboard_plugin_gradcam.records.restarts import GOES_ON, Spans, overlap, spans, surviving, surviving_moments
from tensorboard_plugin_gradcam.records.series import Kind, MapKind, Series, told_apart
from tensorboard_plugin_gradcam.records.sizes import RECORDS, expect_readable
from tensorboard_plugin_gradcam.records.steps import (
    RELATIONS,
    STEP_LIMIT,
    Block,
    Maps,
    Numbers,
    Predictions,
    Relation,
    Replaced,
    Stamp,
    Task,
)
from tensorboard_plugin_gradcam.records.sums import LONGEST_GRID, NUMBERS, Sums
from tensorboard_plugin_gradcam.records.tags import LONGEST_NAME, fitting, scalar_tag
from tensorboard_plugin_gradcam.records.thumbnails import THUMBNAIL, thumbnail_in, with_thumbnail
from tensorboard_plugin_gradcam.records.versions import FORMAT, LATER_PLUGIN_NAME, PLUGIN_NAME

__all__ = [
    "FORMAT",
    "GOES_ON",
    "LATER_PLUGIN_NAME",
    "LONGEST_GRID",
    "LONGEST_NAME",
    "MAX_CELLS",
    "NUMBERS",
    "PLUGIN_NAME",
    "RECORDS",
    "RELATIONS",
    "STEP_LIMIT",
    "THUMBNAIL",
    "Batch",
    "Block",
    "Box",
    "Cohort",
    "CohortParts",
    "CorruptRecord",
    "Identities",
    "Kind",
    "Lease",
    "MapKind",
    "Maps",
    "NewerFormat",
    "Numbers",
    "Precision",
    "Predictions",
    "Quantised",
    "Relation",
    "Replaced",
    "Sample",
    "Series",
    "Spans",
    "Stamp",
    "Sums",
    "Task",
    "boxes_of",
    "dequantised",
    "digest_of_bytes",
    "digest_of_pixels",
    "expect_readable",
    "fitting",
    "mask_of",
    "overlap",
    "quantised",
    "sample_of",
    "scalar_tag",
    "seal_picture",
    "spans",
    "surviving",
    "surviving_moments",
    "thumbnail_in",
    "told_apart",
    "verify_picture",
    "with_thumbnail",
]
