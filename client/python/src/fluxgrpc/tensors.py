"""Tensors of the wire as numpy arrays. Needs numpy: ``pip install fluxgrpc[numpy]``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluxgrpc.v1 import (
    DATA_TYPE_BFLOAT16,
    DATA_TYPE_FLOAT16,
    DATA_TYPE_FLOAT32,
    DATA_TYPE_INT32,
    DATA_TYPE_INT64,
    DATA_TYPE_UINT8,
    DataType,
    Tensor,
)

_DTYPES: dict[DataType.ValueType, np.dtype[Any]] = {
    DATA_TYPE_FLOAT32: np.dtype("<f4"),
    DATA_TYPE_FLOAT16: np.dtype("<f2"),
    DATA_TYPE_INT64: np.dtype("<i8"),
    DATA_TYPE_INT32: np.dtype("<i4"),
    DATA_TYPE_UINT8: np.dtype("u1"),
}
_DATA_TYPES = {dtype: data_type for data_type, dtype in _DTYPES.items()}


def tensor_of(array: NDArray[Any]) -> Tensor:
    """An array as a message.

    :param array: float32, float16, int64, int32 or uint8, of any memory layout.
    :raises ValueError: another dtype.
    """
    data_type = _DATA_TYPES.get(array.dtype.newbyteorder("<"))
    if data_type is None:
        raise ValueError(f"{array.dtype} has no type on the wire; allowed: {', '.join(str(dtype) for dtype in _DATA_TYPES)}")
    return Tensor(data_type=data_type, shape=array.shape, data=array.astype(array.dtype.newbyteorder("<")).tobytes())


def array_of(tensor: Tensor) -> NDArray[Any]:
    """A message as an array. numpy has no bfloat16: such tensors become float32, which holds the same values.

    :raises ValueError: a type that is not set, or data that do not fit the shape.
    """
    shape = tuple(tensor.shape)
    if tensor.data_type == DATA_TYPE_BFLOAT16:
        upper_halves = np.frombuffer(tensor.data, "<u2").astype("<u4")
        widened: NDArray[np.float32] = (upper_halves << np.uint32(16)).view("<f4").reshape(shape)
        return widened
    dtype = _DTYPES.get(tensor.data_type)
    if dtype is None:
        raise ValueError(f"data_type is {tensor.data_type}; allowed: the types of flux.v1.DataType")
    return np.frombuffer(tensor.data, dtype).reshape(shape)
