from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
POSITIVE: MapKind
RGB: MapKind
SIGNED: MapKind

class Array(_message.Message):
    __slots__ = ["compression", "data", "shape", "type"]
    class Compression(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DEFLATE: Array.Compression
    FLOAT16: Array.Type
    FLOAT32: Array.Type
    FLOAT64: Array.Type
    INT32: Array.Type
    INT8: Array.Type
    NONE: Array.Compression
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    UINT16: Array.Type
    UINT8: Array.Type
    compression: Array.Compression
    data: bytes
    shape: _containers.RepeatedScalarFieldContainer[int]
    type: Array.Type
    def __init__(self, type: _Optional[_Union[Array.Type, str]] = ..., compression: _Optional[_Union[Array.Compression, str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ["flags", "maximum", "minimum", "names", "native_shape", "non_finite", "samples", "scores", "targets", "values"]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    NATIVE_SHAPE_FIELD_NUMBER: _ClassVar[int]
    NON_FINITE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    flags: _containers.RepeatedScalarFieldContainer[str]
    maximum: Array
    minimum: Array
    names: _containers.RepeatedScalarFieldContainer[str]
    native_shape: _containers.RepeatedScalarFieldContainer[int]
    non_finite: Array
    samples: Array
    scores: Array
    targets: Array
    values: Array
    def __init__(self, samples: _Optional[_Union[Array, _Mapping]] = ..., targets: _Optional[_Union[Array, _Mapping]] = ..., scores: _Optional[_Union[Array, _Mapping]] = ..., values: _Optional[_Union[Array, _Mapping]] = ..., minimum: _Optional[_Union[Array, _Mapping]] = ..., maximum: _Optional[_Union[Array, _Mapping]] = ..., names: _Optional[_Iterable[str]] = ..., native_shape: _Optional[_Iterable[int]] = ..., non_finite: _Optional[_Union[Array, _Mapping]] = ..., flags: _Optional[_Iterable[str]] = ...) -> None: ...

class Cohort(_message.Message):
    __slots__ = ["class_names", "samples"]
    CLASS_NAMES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    class_names: _containers.RepeatedScalarFieldContainer[str]
    samples: _containers.RepeatedCompositeFieldContainer[Sample]
    def __init__(self, samples: _Optional[_Iterable[_Union[Sample, _Mapping]]] = ..., class_names: _Optional[_Iterable[str]] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ["crc32", "payload", "version"]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    crc32: int
    payload: bytes
    version: Version
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., crc32: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Maps(_message.Message):
    __slots__ = ["blocks", "stamp"]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    stamp: Stamp
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class Predictions(_message.Message):
    __slots__ = ["label_probability", "loss", "prediction", "probability", "stamp", "top_classes", "top_probabilities"]
    LABEL_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASSES_FIELD_NUMBER: _ClassVar[int]
    TOP_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    label_probability: Array
    loss: Array
    prediction: Array
    probability: Array
    stamp: Stamp
    top_classes: Array
    top_probabilities: Array
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., prediction: _Optional[_Union[Array, _Mapping]] = ..., probability: _Optional[_Union[Array, _Mapping]] = ..., label_probability: _Optional[_Union[Array, _Mapping]] = ..., top_classes: _Optional[_Union[Array, _Mapping]] = ..., top_probabilities: _Optional[_Union[Array, _Mapping]] = ..., loss: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ["boxes", "caption", "has_label", "height", "id", "image", "label", "mask", "slices", "width"]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    HAS_LABEL_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    boxes: _containers.RepeatedScalarFieldContainer[float]
    caption: str
    has_label: bool
    height: int
    id: str
    image: str
    label: int
    mask: Array
    slices: _containers.RepeatedScalarFieldContainer[str]
    width: int
    def __init__(self, image: _Optional[str] = ..., slices: _Optional[_Iterable[str]] = ..., label: _Optional[int] = ..., has_label: bool = ..., id: _Optional[str] = ..., caption: _Optional[str] = ..., boxes: _Optional[_Iterable[float]] = ..., mask: _Optional[_Union[Array, _Mapping]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ["digest", "first", "kind", "layer", "map_kind", "method", "tag", "version"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    COHORT: Series.Kind
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    IMAGE: Series.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_UNSPECIFIED: Series.Kind
    LAYER_FIELD_NUMBER: _ClassVar[int]
    MAPS: Series.Kind
    MAP_KIND_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS: Series.Kind
    TAG_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    digest: str
    first: bool
    kind: Series.Kind
    layer: str
    map_kind: MapKind
    method: str
    tag: str
    version: Version
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., kind: _Optional[_Union[Series.Kind, str]] = ..., tag: _Optional[str] = ..., method: _Optional[str] = ..., layer: _Optional[str] = ..., digest: _Optional[str] = ..., first: bool = ..., map_kind: _Optional[_Union[MapKind, str]] = ...) -> None: ...

class Stamp(_message.Message):
    __slots__ = ["cohort", "epoch", "has_epoch", "has_step", "ordinal", "session", "step"]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HAS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    HAS_STEP_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    cohort: bytes
    epoch: float
    has_epoch: bool
    has_step: bool
    ordinal: int
    session: int
    step: int
    def __init__(self, cohort: _Optional[bytes] = ..., has_epoch: bool = ..., epoch: _Optional[float] = ..., ordinal: _Optional[int] = ..., session: _Optional[int] = ..., has_step: bool = ..., step: _Optional[int] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ["major", "minor"]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    major: int
    minor: int
    def __init__(self, major: _Optional[int] = ..., minor: _Optional[int] = ...) -> None: ...

class MapKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
