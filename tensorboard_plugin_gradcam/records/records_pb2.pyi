from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ADDS: Relation
ADDS_ON: Relation
CLASSIFICATION: Task
DESCRIPTOR: _descriptor.FileDescriptor
DETECTION: Task
GOES_ON: Relation
MULTILABEL: Task
POSITIVE: MapKind
REGRESSION: Task
RGB: MapKind
SEGMENTATION: Task
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
    __slots__ = ["boxes", "flags", "maximum", "minimum", "names", "native_shape", "non_finite", "samples", "scores", "targets", "values"]
    BOXES_FIELD_NUMBER: _ClassVar[int]
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
    boxes: Array
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
    def __init__(self, samples: _Optional[_Union[Array, _Mapping]] = ..., targets: _Optional[_Union[Array, _Mapping]] = ..., scores: _Optional[_Union[Array, _Mapping]] = ..., values: _Optional[_Union[Array, _Mapping]] = ..., minimum: _Optional[_Union[Array, _Mapping]] = ..., maximum: _Optional[_Union[Array, _Mapping]] = ..., names: _Optional[_Iterable[str]] = ..., native_shape: _Optional[_Iterable[int]] = ..., non_finite: _Optional[_Union[Array, _Mapping]] = ..., flags: _Optional[_Iterable[str]] = ..., boxes: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

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

class Lease(_message.Message):
    __slots__ = ["beat", "begun", "closed", "host", "process", "series", "session"]
    BEAT_FIELD_NUMBER: _ClassVar[int]
    BEGUN_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    beat: float
    begun: float
    closed: bool
    host: str
    process: int
    series: _containers.RepeatedScalarFieldContainer[str]
    session: int
    def __init__(self, session: _Optional[int] = ..., host: _Optional[str] = ..., process: _Optional[int] = ..., begun: _Optional[float] = ..., beat: _Optional[float] = ..., closed: bool = ..., series: _Optional[_Iterable[str]] = ...) -> None: ...

class Maps(_message.Message):
    __slots__ = ["blocks", "stamp"]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    stamp: Stamp
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class Numbers(_message.Message):
    __slots__ = ["samples", "stamp", "targets", "values"]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    samples: Array
    stamp: Stamp
    targets: Array
    values: Array
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., values: _Optional[_Union[Array, _Mapping]] = ..., samples: _Optional[_Union[Array, _Mapping]] = ..., targets: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Predictions(_message.Message):
    __slots__ = ["box_classes", "box_scores", "boxes", "label_probability", "loss", "masks", "prediction", "probability", "set_classes", "set_probabilities", "stamp", "task", "threshold", "top_classes", "top_probabilities", "values"]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    BOX_CLASSES_FIELD_NUMBER: _ClassVar[int]
    BOX_SCORES_FIELD_NUMBER: _ClassVar[int]
    LABEL_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    SET_CLASSES_FIELD_NUMBER: _ClassVar[int]
    SET_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TOP_CLASSES_FIELD_NUMBER: _ClassVar[int]
    TOP_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    box_classes: Array
    box_scores: Array
    boxes: Array
    label_probability: Array
    loss: Array
    masks: Array
    prediction: Array
    probability: Array
    set_classes: Array
    set_probabilities: Array
    stamp: Stamp
    task: Task
    threshold: float
    top_classes: Array
    top_probabilities: Array
    values: Array
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., prediction: _Optional[_Union[Array, _Mapping]] = ..., probability: _Optional[_Union[Array, _Mapping]] = ..., label_probability: _Optional[_Union[Array, _Mapping]] = ..., top_classes: _Optional[_Union[Array, _Mapping]] = ..., top_probabilities: _Optional[_Union[Array, _Mapping]] = ..., loss: _Optional[_Union[Array, _Mapping]] = ..., task: _Optional[_Union[Task, str]] = ..., set_classes: _Optional[_Union[Array, _Mapping]] = ..., set_probabilities: _Optional[_Union[Array, _Mapping]] = ..., threshold: _Optional[float] = ..., values: _Optional[_Union[Array, _Mapping]] = ..., boxes: _Optional[_Union[Array, _Mapping]] = ..., box_classes: _Optional[_Union[Array, _Mapping]] = ..., box_scores: _Optional[_Union[Array, _Mapping]] = ..., masks: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Replaced(_message.Message):
    __slots__ = ["first", "last", "steps"]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    steps: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ..., steps: _Optional[int] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ["box_classes", "boxes", "caption", "class_mask", "has_label", "has_labels", "height", "id", "image", "label", "labels", "mask", "slices", "values", "volume_mask", "width"]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    BOX_CLASSES_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    CLASS_MASK_FIELD_NUMBER: _ClassVar[int]
    HAS_LABELS_FIELD_NUMBER: _ClassVar[int]
    HAS_LABEL_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    VOLUME_MASK_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    box_classes: _containers.RepeatedScalarFieldContainer[int]
    boxes: _containers.RepeatedScalarFieldContainer[float]
    caption: str
    class_mask: Array
    has_label: bool
    has_labels: bool
    height: int
    id: str
    image: str
    label: int
    labels: _containers.RepeatedScalarFieldContainer[int]
    mask: Array
    slices: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[float]
    volume_mask: Array
    width: int
    def __init__(self, image: _Optional[str] = ..., slices: _Optional[_Iterable[str]] = ..., label: _Optional[int] = ..., has_label: bool = ..., id: _Optional[str] = ..., caption: _Optional[str] = ..., boxes: _Optional[_Iterable[float]] = ..., mask: _Optional[_Union[Array, _Mapping]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., labels: _Optional[_Iterable[int]] = ..., has_labels: bool = ..., values: _Optional[_Iterable[float]] = ..., box_classes: _Optional[_Iterable[int]] = ..., volume_mask: _Optional[_Union[Array, _Mapping]] = ..., class_mask: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ["as_tensor", "digest", "first", "kind", "layer", "map_kind", "method", "name", "part", "session", "tag", "thumbnail", "turn", "version"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    AS_TENSOR_FIELD_NUMBER: _ClassVar[int]
    COHORT: Series.Kind
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    IMAGE: Series.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_UNSPECIFIED: Series.Kind
    LAYER_FIELD_NUMBER: _ClassVar[int]
    LEASE: Series.Kind
    MAPS: Series.Kind
    MAP_KIND_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBERS: Series.Kind
    PART_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS: Series.Kind
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SUMS: Series.Kind
    TAG_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    as_tensor: bool
    digest: str
    first: bool
    kind: Series.Kind
    layer: str
    map_kind: MapKind
    method: str
    name: str
    part: int
    session: int
    tag: str
    thumbnail: Array
    turn: int
    version: Version
    def __init__(self, version: _Optional[_Union[Version, _Mapping]] = ..., kind: _Optional[_Union[Series.Kind, str]] = ..., tag: _Optional[str] = ..., method: _Optional[str] = ..., layer: _Optional[str] = ..., digest: _Optional[str] = ..., first: bool = ..., map_kind: _Optional[_Union[MapKind, str]] = ..., name: _Optional[str] = ..., session: _Optional[int] = ..., part: _Optional[int] = ..., as_tensor: bool = ..., turn: _Optional[int] = ..., thumbnail: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class Stamp(_message.Message):
    __slots__ = ["cohort", "epoch", "has_epoch", "has_step", "held", "notes", "ordinal", "relation", "replaced", "session", "step"]
    COHORT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HAS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    HAS_STEP_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    cohort: bytes
    epoch: float
    has_epoch: bool
    has_step: bool
    held: int
    notes: _containers.RepeatedScalarFieldContainer[str]
    ordinal: int
    relation: Relation
    replaced: _containers.RepeatedCompositeFieldContainer[Replaced]
    session: int
    step: int
    def __init__(self, cohort: _Optional[bytes] = ..., has_epoch: bool = ..., epoch: _Optional[float] = ..., ordinal: _Optional[int] = ..., session: _Optional[int] = ..., has_step: bool = ..., step: _Optional[int] = ..., notes: _Optional[_Iterable[str]] = ..., relation: _Optional[_Union[Relation, str]] = ..., held: _Optional[int] = ..., replaced: _Optional[_Iterable[_Union[Replaced, _Mapping]]] = ...) -> None: ...

class Sums(_message.Message):
    __slots__ = ["classes", "count", "grid", "hits", "lone", "mean", "numbers", "peak", "seen", "square", "stamp"]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    LONE_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    PEAK_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    SQUARE_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    classes: Array
    count: Array
    grid: Array
    hits: Array
    lone: Array
    mean: Array
    numbers: Array
    peak: float
    seen: Array
    square: Array
    stamp: Stamp
    def __init__(self, stamp: _Optional[_Union[Stamp, _Mapping]] = ..., grid: _Optional[_Union[Array, _Mapping]] = ..., classes: _Optional[_Union[Array, _Mapping]] = ..., count: _Optional[_Union[Array, _Mapping]] = ..., seen: _Optional[_Union[Array, _Mapping]] = ..., mean: _Optional[_Union[Array, _Mapping]] = ..., square: _Optional[_Union[Array, _Mapping]] = ..., hits: _Optional[_Union[Array, _Mapping]] = ..., lone: _Optional[_Union[Array, _Mapping]] = ..., numbers: _Optional[_Union[Array, _Mapping]] = ..., peak: _Optional[float] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ["major", "minor"]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    major: int
    minor: int
    def __init__(self, major: _Optional[int] = ..., minor: _Optional[int] = ...) -> None: ...

class MapKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Relation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
