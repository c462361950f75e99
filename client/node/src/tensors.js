import { create } from "@bufbuild/protobuf";
import { DataType, TensorSchema } from "../gen/flux/v1/tensor_pb.js";

/** @import { Tensor } from "../gen/flux/v1/tensor_pb.js" */

/**
 * The elements of a tensor, row-major. Like the wire's, the bytes of typed arrays are little-endian wherever Node runs today.
 *
 * @typedef {Float32Array | BigInt64Array | Int32Array | Uint8Array} TypedArray
 */

/**
 * An array as a message.
 *
 * @param {TypedArray} array
 * @param {number[]} shape Dimensions, slowest first.
 * @returns {Tensor}
 * @throws {TypeError} Another kind of array.
 * @throws {RangeError} The shape has another number of elements.
 */
export function tensorOf(array, shape) {
  const count = shape.reduce((product, side) => product * side, 1);
  if (count !== array.length) throw new RangeError(`${array.length} elements; shape [${shape}] has ${count}`);
  return create(TensorSchema, {
    dataType: dataTypeOf(array),
    shape: shape.map(BigInt),
    data: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  });
}

/**
 * A message as an array. JavaScript has no bfloat16: such tensors become Float32Arrays, which hold the same values.
 *
 * @param {Tensor | undefined} tensor
 * @returns {TypedArray}
 * @throws {RangeError} No tensor, a type without an array here, or data that do not fit the shape.
 */
export function arrayOf(tensor) {
  if (tensor === undefined) throw new RangeError("the message has no tensor");
  const array = elementsOf(tensor);
  const count = tensor.shape.reduce((product, side) => product * side, 1n);
  if (count !== BigInt(array.length)) throw new RangeError(`${array.length} elements; shape [${tensor.shape}] has ${count}`);
  return array;
}

/** @param {TypedArray} array */
function dataTypeOf(array) {
  if (array instanceof Float32Array) return DataType.FLOAT32;
  if (array instanceof BigInt64Array) return DataType.INT64;
  if (array instanceof Int32Array) return DataType.INT32;
  if (array instanceof Uint8Array) return DataType.UINT8;
  throw new TypeError("allowed: Float32Array, BigInt64Array, Int32Array, Uint8Array");
}

/** @param {Tensor} tensor */
function elementsOf({ dataType, data }) {
  const { buffer } = new Uint8Array(data); // A copy begins where a typed array may: at a multiple of the element's size.
  switch (dataType) {
    case DataType.FLOAT32:
      return new Float32Array(buffer);
    case DataType.BFLOAT16:
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (upperHalf) => upperHalf << 16).buffer);
    case DataType.INT64:
      return new BigInt64Array(buffer);
    case DataType.INT32:
      return new Int32Array(buffer);
    case DataType.UINT8:
      return new Uint8Array(buffer);
    default:
      throw new RangeError(`dataType is ${dataType}; allowed: FLOAT32, BFLOAT16, INT64, INT32, UINT8`);
  }
}
