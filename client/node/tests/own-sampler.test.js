// The examples' arithmetic against the reference's numbers.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { noise } from "../examples/noise.js";
import { SAMPLERS, pack, schedule } from "../examples/samplers.js";

const TIMESTEPS = [1, 0.75, 0.5, 0.25, 0];
const GOLDEN = new URL("../../../tests/golden/noise.safetensors", import.meta.url);

for (const [name, expected] of /** @type {[string, number][]} */ ([["euler", 0.16445], ["heun", 0.1461502427]]))
  test(`${name} gives the published number`, async () => {
    // A made-up model.
    const clean = (/** @type {number} */ x, /** @type {number} */ t) => 0.3 * x + 0.1 * t;
    /** @type {import("../examples/samplers.js").Velocity} */
    const velocity = async (x, t) => x.map((value) => (value - clean(value, t)) / t);

    const [result] = await SAMPLERS[name](velocity, Float32Array.of(1), TIMESTEPS);

    assert.ok(Math.abs(result - expected) < 1e-6, `${result}`);
  });

test("Heun evaluates twice in a step but for the last", async () => {
  /** @type {[number, number][]} */
  const calls = [];

  await SAMPLERS.heun(async (x, t, index) => (calls.push([index, t]), x), Float32Array.of(1), [1, 0.5, 0]);

  assert.deepEqual(calls, [[0, 1], [0, 0.5], [1, 0.5]]);
});

test("the schedule is the reference's", () => {
  for (const [i, t] of schedule(4, 4096, true).entries()) assert.ok(Math.abs(t - [1, 0.904531, 0.759511, 0.512844, 0][i]) < 1e-6);
  assert.deepEqual(schedule(4, 4096, false), TIMESTEPS);
});

for (const seed of [0n, 42n, 123456789012n])
  test(`the noise of seed ${seed} is the reference's`, async () => {
    const expected = await goldenArray(`randn.f32.seed${seed}.n1536`);

    const values = noise(seed, expected.length);

    assert.ok(Math.max(...values.map((value, i) => Math.abs(value - expected[i]))) <= 4e-6);
  });

test("a token is a patch of two by two", () => {
  const latents = Float32Array.from({ length: 2 * 4 * 6 }, (_, i) => i); // [2, 4, 6]

  const tokens = pack(latents, 2, { rows: 2, columns: 3 });

  assert.deepEqual([...tokens.subarray(4 * 8, 5 * 8)], [14, 15, 20, 21, 38, 39, 44, 45]);
});

/** @param {string} name */
async function goldenArray(name) {
  const content = await readFile(GOLDEN);
  const header = Number(content.readBigUInt64LE());
  const [start, end] = JSON.parse(content.toString("utf8", 8, 8 + header))[name].data_offsets;
  return new Float32Array(new Uint8Array(content.subarray(8 + header + start, 8 + header + end)).buffer);
}
