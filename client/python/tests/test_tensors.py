from typing import Any

import numpy as np
import pytest

from fluxgrpc.tensors import array_of, tensor_of
from fluxgrpc.v1 import DATA_TYPE_BFLOAT16, DATA_TYPE_FLOAT32, DATA_TYPE_UNSPECIFIED, Tensor


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "int32", "uint8", ">f4"])
def test_an_array_comes_back_as_it_was(dtype: str) -> None:
    array: Any = np.arange(24).reshape(2, 3, 4).astype(dtype)

    np.testing.assert_array_equal(array_of(tensor_of(array)), array)


def test_memory_on_the_wire_is_row_major_and_little_endian() -> None:
    tensor = tensor_of(np.array([[1, 2], [3, 4]], dtype=">f4").T)

    assert (tensor.data_type, list(tensor.shape)) == (DATA_TYPE_FLOAT32, [2, 2])
    assert tensor.data == np.array([1, 3, 2, 4], dtype="<f4").tobytes()


def test_bfloat16_becomes_float32_of_the_same_value() -> None:
    array = array_of(Tensor(data_type=DATA_TYPE_BFLOAT16, shape=[3], data=bytes.fromhex("803f49c0807f")))

    assert array.dtype == np.float32
    assert array.tolist() == [1.0, -3.140625, float("inf")]


def test_what_has_no_type_on_the_wire_is_refused() -> None:
    with pytest.raises(ValueError, match="float64 has no type on the wire; allowed: float32"):
        tensor_of(np.zeros(3))
    with pytest.raises(ValueError, match="data_type is 0"):
        array_of(Tensor(data_type=DATA_TYPE_UNSPECIFIED, shape=[1], data=b"\0"))
    with pytest.raises(ValueError, match="reshape"):
        array_of(Tensor(data_type=DATA_TYPE_FLOAT32, shape=[3], data=bytes(8)))
