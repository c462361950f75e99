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
export function tensorOf(array: TypedArray, shape: number[]): Tensor;
/**
 * A message as an array. JavaScript has no bfloat16: such tensors become Float32Arrays, which hold the same values.
 *
 * @param {Tensor | undefined} tensor
 * @returns {TypedArray}
 * @throws {RangeError} No tensor, a type without an array here, or data that do not fit the shape.
 */
export function arrayOf(tensor: Tensor | undefined): TypedArray;
/**
 * The elements of a tensor, row-major. Like the wire's, the bytes of typed arrays are little-endian wherever Node runs today.
 */
export type TypedArray = Float32Array | BigInt64Array | Int32Array | Uint8Array;
import type { Tensor } from "../gen/flux/v1/tensor_pb.js";
