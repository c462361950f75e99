import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";
import { settingsOf } from "fluxgrpc";

/** @param {string} kind @param {Buffer | string} content */
function chunk(kind, content) {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, Buffer.from(kind, "latin1"), bytes, Buffer.alloc(4)]); // Nobody looks at the checksum.
}

/** @param {Buffer[]} chunks */
function png(...chunks) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(96, 0);
  header.writeUInt32BE(64, 4);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), ...chunks, chunk("IEND", "")]);
}

/** @param {string} keyword @param {string} value */
function text(keyword, value) {
  return chunk("tEXt", `${keyword}\0${value}`);
}

test("every setting is read from every kind of text", () => {
  const { prompt, options } = settingsOf(
    png(
      chunk("iTXt", Buffer.from("prompt\0\0\0\0\0a red circle – 🔴")),
      chunk("iTXt", Buffer.concat([Buffer.from("negative_prompt\0\x01\0en\0x\0"), deflateSync("a – square")])),
      chunk("zTXt", Buffer.concat([Buffer.from("t5_prompt\0\0"), deflateSync(Buffer.from("a circle \xe4", "latin1"))])),
      text("seed", "18446744073709551615"),
      text("steps", "2"),
      text("guidance", "2.5"),
      text("max_tokens", "24"),
      text("true_cfg_scale", "3"),
      text("step_cache_threshold", "0.25"),
      text("sigmas", "1 0.4 0"),
      text("sampler", "DpmSolver2M"),
      text("software", "FluxGrpc 0.1.0"),
    ),
  );

  assert.equal(prompt, "a red circle – 🔴");
  assert.deepEqual(options, {
    width: 96,
    height: 64,
    seed: 2n ** 64n - 1n,
    steps: 2,
    guidance: 2.5,
    maxTokens: 24,
    t5Prompt: "a circle ä",
    negativePrompt: "a – square",
    trueCfgScale: 3,
      stepCacheThreshold: 0.25,
    sigmas: [1, 0.4, 0],
    sampler: "dpmpp_2m",
  });
});

const ours = [text("prompt", "a cat"), text("seed", "7")];
/** @type {[Buffer, RegExp][]} */
const broken = [
  [Buffer.alloc(0), /not a PNG file/],
  [Buffer.of(0xff, 0xd8, 0xff), /not a PNG file/],
  [png(...ours).subarray(0, -1), /ends within a chunk/],
  [png(), /does not say how it was made/],
  [png(...ours, text("strength", "0.6")), /made from another one/],
  [png(...ours, text("sampler", "constructor")), /the sampler 'constructor'/],
  [png(...ours, text("steps", "many")), /'many' for a number/],
  [png(text("prompt", "a cat"), text("seed", "-1")), /'-1' for a seed/],
  [png(...ours, chunk("zTXt", "x\0\0broken")), /compressed text/],
  [png(...ours, chunk("zTXt", Buffer.concat([Buffer.from("x\0\0"), deflateSync(Buffer.alloc(1 << 21))]))), /longer than/],
];
for (const [file, problem] of broken) {
  test(`what is no such picture is a type error: ${problem.source}`, () => {
    assert.throws(() => settingsOf(file), { name: "TypeError", message: problem });
  });
}
