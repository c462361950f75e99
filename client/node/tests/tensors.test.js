import assert from "node:assert/strict";
import test from "node:test";
import { create } from "@bufbuild/protobuf";
import { arrayOf, tensorOf } from "fluxgrpc";
import { DataType, TensorSchema } from "fluxgrpc/v1";

for (const array of [Float32Array.of(1.5, -2), BigInt64Array.of(1n, -2n), Int32Array.of(1, -2), Uint8Array.of(1, 255)])
  test(`a ${array.constructor.name} comes back as it was`, () => {
    const tensor = tensorOf(array, [2, 1]);

    assert.deepEqual(tensor.shape, [2n, 1n]);
    assert.deepEqual(arrayOf(tensor), array);
  });

test("bytes at any address are read", () => {
  const data = Buffer.alloc(9).subarray(1);
  data.writeFloatLE(2.5, 4);

  assert.deepEqual(arrayOf(create(TensorSchema, { dataType: DataType.FLOAT32, shape: [2n], data })), Float32Array.of(0, 2.5));
});

test("bfloat16 becomes float32 of the same value", () => {
  const data = Buffer.from("803f49c0807f", "hex");

  const array = arrayOf(create(TensorSchema, { dataType: DataType.BFLOAT16, shape: [3n], data }));

  assert.deepEqual(array, Float32Array.of(1, -3.140625, Infinity));
});

test("what does not fit is refused", () => {
  assert.throws(() => tensorOf(/** @type {any} */ (new Float64Array(1)), [1]), /allowed: Float32Array/);
  assert.throws(() => tensorOf(new Float32Array(3), [2, 2]), /3 elements; shape \[2,2\] has 4/);
  assert.throws(() => arrayOf(undefined), /no tensor/);
  assert.throws(() => arrayOf(create(TensorSchema, { shape: [1n], data: new Uint8Array(1) })), /dataType is 0/);
  assert.throws(() => arrayOf(create(TensorSchema, { dataType: DataType.UINT8, shape: [3n], data: new Uint8Array(1) })), /has 3/);
});
