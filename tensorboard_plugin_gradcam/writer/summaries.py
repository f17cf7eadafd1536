"""Records as TensorBoard's summary values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Series, with_thumbnail

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary


def record_value(series: Series, data: bytes, thumbnail: NDArray[np.uint8] | None = None) -> Summary.Value:
    """Return the summary value of one record: a blob sequence of one for images and cohorts, else a string tensor."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

    content = series.to_bytes() if thumbnail is None else with_thumbnail(series.to_bytes(), thumbnail)
    metadata = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=series.plugin_name, content=content),
        data_class=summary_pb2.DATA_CLASS_BLOB_SEQUENCE if series.is_blob else summary_pb2.DATA_CLASS_TENSOR,
    )
    dimensions = [tensor_shape_pb2.TensorShapeProto.Dim(size=1)] if series.is_blob else []
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=dimensions),
        string_val=[data],
    )
    return summary_pb2.Summary.Value(tag=series.tensorboard_tag, metadata=metadata, tensor=tensor)


def scalar_value(tag: str, value: float) -> Summary.Value:
    """Return the summary value of one scalar."""
    from tensorboard.compat.proto import summary_pb2

    return summary_pb2.Summary.Value(tag=tag, simple_value=value)
