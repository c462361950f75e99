// A sampler of one's own: the denoiser is a velocity function, the loop is here.
//
//   node examples/own-sampler.js "a red circle left of a blue square" --sampler heun
//
// Talks to the text encoder, the denoiser and the VAE; no orchestrator is needed. The noise is the orchestrator's, drawn anew
// (noise.js), so that the picture is what the orchestrator's own sampler of that name gives, but for the last bits.

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { DenoiseSession, arrayOf, connect, tensorOf } from "fluxgrpc";
import { DataType, DenoiserService, FluxVariant, TextEncoderService, VaeService } from "fluxgrpc/v1";
import { noise } from "./noise.js";
import { png } from "./png.js";
import { SAMPLERS, pack, schedule } from "./samplers.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "text-encoder": { type: "string", default: "http://127.0.0.1:5001" },
    denoiser: { type: "string", default: "http://127.0.0.1:5002" },
    vae: { type: "string", default: "http://127.0.0.1:5003" },
    sampler: { type: "string", default: "heun" },
    output: { type: "string", default: "out.png" },
    width: { type: "string" },
    height: { type: "string" },
    steps: { type: "string", default: "28" },
    guidance: { type: "string", default: "3.5" },
    seed: { type: "string", default: "0" },
  },
});
const ctrlC = new AbortController();
process.once("SIGINT", () => ctrlC.abort());

try {
  await writeFile(values.output, await draw(positionals.join(" "), ctrlC.signal));
} catch (error) {
  if (ctrlC.signal.aborted) {
    console.error("own-sampler: cancelled");
    process.exit(130);
  }
  console.error(`own-sampler: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * @param {string} prompt
 * @param {AbortSignal} signal
 */
async function draw(prompt, signal) {
  const textEncoder = connect(TextEncoderService, values["text-encoder"]);
  const denoiser = connect(DenoiserService, values.denoiser);
  const vae = connect(VaeService, values.vae);

  const [model, { sampleSize }] = await Promise.all([denoiser.getModelInfo({}, { signal }), vae.getModelInfo({}, { signal })]);
  const grid = { rows: Number(values.height ?? sampleSize) / 16, columns: Number(values.width ?? sampleSize) / 16 };
  const isDev = model.variant === FluxVariant.DEV;
  const timesteps = schedule(Number(values.steps), grid.rows * grid.columns, isDev);

  const { hiddenStates, pooled } = await textEncoder.encode(
    { source: { case: "prompt", value: prompt }, replyDataType: DataType.FLOAT32 },
    { signal },
  );
  const session = await DenoiseSession.open(
    denoiser,
    {
      sessionId: `own-sampler-${randomUUID()}`,
      hiddenStates,
      pooled,
      grid,
      guidance: isDev ? Number(values.guidance) : undefined,
      sigmas: timesteps,
    },
    { signal },
  );
  const start = pack(noise(BigInt(values.seed), model.inChannels * grid.rows * grid.columns), model.inChannels / 4, grid);
  const x = await SAMPLERS[values.sampler](
    async (latents, t, index) => {
      const velocity = await session.velocity(latents, t, index);
      console.log(`step ${index + 1}/${timesteps.length - 1}, t = ${t.toFixed(4)}`);
      return velocity;
    },
    start,
    timesteps,
  );
  await session.close();

  const { pixels } = await vae.decode({ latents: tensorOf(x, [1, grid.rows * grid.columns, model.inChannels]), grid }, { signal });
  for (const service of [textEncoder, denoiser, vae]) service.close();
  return png(/** @type {Uint8Array} */ (arrayOf(pixels)), 16 * grid.columns, 16 * grid.rows);
}
