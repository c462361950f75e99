// Against the real services: client/with-services npm test --prefix client/node
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DenoiseSession, FluxClient, connect, tensorOf } from "fluxgrpc";
import { DenoiserService, TextEncoderService } from "fluxgrpc/v1";

const {
  FLUX_TEST_ORCHESTRATOR: orchestrator = "",
  FLUX_TEST_TEXT_ENCODER: textEncoder = "",
  FLUX_TEST_DENOISER: denoiser = "",
  FLUX_TEST_VAE: vae = "",
} = process.env;
const EXAMPLE = fileURLToPath(new URL("../examples/own-sampler.js", import.meta.url));
const PATIENCE_MS = 120_000;
const SMALL = { width: 64, height: 64, steps: 2, seed: 7 };

/**
 * @param {string} name
 * @param {(context: import("node:test").TestContext) => Promise<void>} run
 */
function testServices(name, run) {
  test(name, { skip: orchestrator === "" && "no services: run under client/with-services" }, run);
}

/** @param {() => Promise<boolean>} holds */
async function until(holds) {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()); await delay(100)) assert.ok(Date.now() < end, "waited too long");
}

/** @param {import("node:test").TestContext} context */
async function connected(context) {
  const flux = new FluxClient(orchestrator);
  context.after(() => flux.close());
  await until(async () => (await flux.status()).components.every(({ ready }) => ready));
  return flux;
}

testServices("the same seed gives the same picture", async (context) => {
  const flux = await connected(context);
  const draw = async () => {
    const images = [];
    for await (const image of flux.generateImages("a red circle", { ...SMALL, count: 2 })) images.push(image);
    return images;
  };

  const [first, second] = [await draw(), await draw()];

  assert.deepEqual(first.map(({ seed }) => seed), [7n, 8n]);
  assert.deepEqual([...first[0].data.subarray(1, 4)], [..."PNG"].map((letter) => letter.charCodeAt(0)));
  assert.deepEqual(first.map(({ data }) => data), second.map(({ data }) => data));
});

testServices("bad values are told field by field", async (context) => {
  const flux = await connected(context);

  await assert.rejects(flux.generate("a cat", { width: 17, steps: 0 }).next(), (/** @type {any} */ error) => {
    assert.match(error.message, /width is 17; allowed: multiples of 16/);
    assert.deepEqual(error.violations.map((/** @type {any} */ { field }) => field), ["width", "steps"]);
    return true;
  });
});

testServices("the models and the limits are told", async (context) => {
  const info = await (await connected(context)).modelInfo();

  assert.deepEqual([info.denoiser?.inChannels, info.limits?.minSide], [64, 64]);
});

testServices("leaving early frees the denoiser", async (context) => {
  const flux = await connected(context);
  const service = connect(DenoiserService, denoiser);
  context.after(() => service.close());

  for await (const event of flux.generate("a cat", { steps: 200 })) if (event.case === "step") break;

  await until(async () => (await service.getLoad({})).sessions === 0);
});

testServices("the denoiser says what is wrong with latents", async (context) => {
  await connected(context);
  const [text, service] = [connect(TextEncoderService, textEncoder), connect(DenoiserService, denoiser)];
  context.after(() => [text, service].forEach((client) => client.close()));
  const { hiddenStates, pooled } = await text.encode({ source: { case: "prompt", value: "a cat" } });
  const opening = { sessionId: "bad-latents", hiddenStates, pooled, grid: { rows: 4, columns: 4 }, guidance: 3.5, sigmas: [1, 0] };
  const session = await DenoiseSession.open(service, opening);

  await assert.rejects(session.velocity(new Float32Array(16 * 64).fill(NaN), 1, 0), { status: "INVALID_ARGUMENT", message: /latents/ });
});

testServices("a message over 4 MiB passes", async (context) => {
  await connected(context);
  const service = connect(DenoiserService, denoiser);
  context.after(() => service.close());
  const hiddenStates = tensorOf(new Float32Array(512 * 4096), [1, 512, 4096]);

  await assert.rejects(DenoiseSession.open(service, { sessionId: "large", hiddenStates }), { message: /hidden_states/ });
});

for (const sampler of ["euler", "heun"])
  testServices(`the example draws with its own ${sampler}`, async (context) => {
    await connected(context);
    const folder = await mkdtemp(join(tmpdir(), "flux-test-"));
    context.after(() => rm(folder, { recursive: true }));
    const output = join(folder, "own.png");
    const services = [`--text-encoder=${textEncoder}`, `--denoiser=${denoiser}`, `--vae=${vae}`];

    await promisify(execFile)(process.execPath, [
      ...[EXAMPLE, "a cat", `--sampler=${sampler}`, `--output=${output}`, "--width=64", "--height=96", "--steps=2"],
      ...services,
    ]);

    const picture = await readFile(output);
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [64, 96]);
  });
