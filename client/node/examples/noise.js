/**
 * Standard normal numbers as torch.randn draws them on a CPU: Box-Muller on blocks of 16 of MT19937's numbers.
 *
 * @param {bigint} seed Only its lower 32 bits count.
 * @param {number} count A multiple of 16, as the number of latents is.
 */
export function noise(seed, count) {
  const draw = mersenneTwister(Number(BigInt.asUintN(32, seed)));
  const values = Float32Array.from({ length: count }, () => (draw() & 0xffffff) * 2 ** -24);
  for (let block = 0; block < count; block += 16) {
    for (let i = block; i < block + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - values[i]));
      const angle = 2 * Math.PI * values[i + 8];
      values[i] = radius * Math.cos(angle);
      values[i + 8] = radius * Math.sin(angle);
    }
  }
  return values;
}

/**
 * The generator MT19937 of Matsumoto and Nishimura (1998).
 *
 * @param {number} seed 32 bits.
 * @returns {() => number} Draws 32 bits.
 */
function mersenneTwister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;

  let next = 0;
  return () => {
    // The word is renewed just before it is read; all that this needs still has the values of its turn.
    const mixed = (state[next] & 0x80000000) | (state[(next + 1) % 624] & 0x7fffffff);
    state[next] = state[(next + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    let word = state[next];
    next = (next + 1) % 624;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}
