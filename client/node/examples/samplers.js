/**
 * v(x, t, index of the step): where the flow carries x at time t. 1 is noise, 0 the picture.
 *
 * @typedef {(x: Float32Array, t: number, index: number) => Promise<Float32Array>} Velocity
 */

/**
 * From noise along the velocities to a picture.
 *
 * @typedef {(velocity: Velocity, x: Float32Array, timesteps: number[]) => Promise<Float32Array>} Sampler
 */

/** @type {Sampler} One evaluation a step: along the tangent. */
async function euler(velocity, x, timesteps) {
  for (let index = 0; index < timesteps.length - 1; index++) {
    const [t, next] = [timesteps[index], timesteps[index + 1]];
    x = along(x, await velocity(x, t, index), next - t);
  }
  return x;
}

/** @type {Sampler} Two evaluations a step, both with the step's index: along the mean of the tangents at its ends. */
async function heun(velocity, x, timesteps) {
  for (let index = 0; index < timesteps.length - 1; index++) {
    const [t, next] = [timesteps[index], timesteps[index + 1]];
    let v = await velocity(x, t, index);
    if (next > 0) {
      const ahead = await velocity(along(x, v, next - t), next, index);
      v = v.map((value, i) => (value + ahead[i]) / 2);
    }
    x = along(x, v, next - t);
  }
  return x;
}

/** @type {Record<string, Sampler>} */
export const SAMPLERS = { euler, heun };

/**
 * steps + 1 timesteps from 1 to 0; FLUX.1-dev shifts them towards noise, the more the larger the picture.
 *
 * @param {number} steps
 * @param {number} tokens
 * @param {boolean} shifted
 */
export function schedule(steps, tokens, shifted) {
  const shift = shifted ? Math.exp(0.5 + ((1.15 - 0.5) * (tokens - 256)) / (4096 - 256)) : 1;
  const even = Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps);
  return even.map((t) => Math.fround(shift / (shift + 1 / t - 1))); // 1 / 0 is infinity: t = 0 stays 0.
}

/**
 * Latents [1, C, H/8, W/8] to tokens [1, N, 4C]: a token is a 2x2 patch.
 *
 * @param {Float32Array} x
 * @param {number} channels
 * @param {{ rows: number, columns: number }} grid
 */
export function pack(x, channels, { rows, columns }) {
  const tokens = new Float32Array(x.length);
  let target = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let channel = 0; channel < channels; channel++)
        for (const [dy, dx] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
          const line = 2 * (channel * rows + row) + dy;
          tokens[target++] = x[2 * (line * columns + column) + dx];
        }
  return tokens;
}

/**
 * x + dt * v in single precision, as the orchestrator computes it.
 *
 * @param {Float32Array} x
 * @param {Float32Array} v
 * @param {number} dt
 */
function along(x, v, dt) {
  const step = Math.fround(dt);
  return x.map((value, i) => value + Math.fround(step * v[i]));
}
