// Makes pictures of a prompt: node examples/generate.js "a red circle left of a blue square" --seed 7
//
// Ctrl-C stops the work on the server and ends with exit code 130; a failure ends with exit code 1. An API key comes from
// FLUX_API_KEY.

import { readFile, writeFile } from "node:fs/promises";
import { extname, parse } from "node:path";
import { parseArgs } from "node:util";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { FluxClient, settingsOf } from "fluxgrpc";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    from: { type: "string" }, // A .png to make again, but for what other options say.
    server: { type: "string", default: "http://127.0.0.1:5000" },
    ca: { type: "string" }, // CAs that the server's certificate may come from, in a PEM file.
    output: { type: "string", default: "out.png" },
    width: { type: "string" },
    height: { type: "string" },
    steps: { type: "string" },
    guidance: { type: "string" },
    seed: { type: "string" },
    count: { type: "string" },
    sampler: { type: "string" },
    sigmas: { type: "string" }, // 1,0.7,0.3,0
    "negative-prompt": { type: "string" },
    "true-cfg-scale": { type: "string" },
    "init-image": { type: "string" },
    strength: { type: "string" },
    batch: { type: "boolean", default: false },
  },
});
/** @type {Record<string, "png" | "jpeg" | "webp">} */
const FORMATS = { ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp" };
const ctrlC = new AbortController();
process.once("SIGINT", () => ctrlC.abort());

try {
  const flux = new FluxClient(values.server, { apiKey: process.env.FLUX_API_KEY, ca: values.ca ?? process.env.FLUX_CA });
  const source = values.from === undefined ? undefined : settingsOf(await readFile(values.from));
  await save(
    flux.generate(positionals.join(" ") || source?.prompt || "", {
      ...source?.options,
      ...given({
        width: number(values.width),
        height: number(values.height),
        steps: number(values.steps),
        guidance: number(values.guidance),
        seed: values.seed === undefined ? undefined : BigInt(values.seed),
        count: number(values.count),
        sigmas: values.sigmas?.split(",").map(Number),
        sampler: /** @type {import("fluxgrpc").GenerateOptions["sampler"]} */ (values.sampler),
        negativePrompt: values["negative-prompt"],
        trueCfgScale: number(values["true-cfg-scale"]),
        initImage: values["init-image"] === undefined ? undefined : await readFile(values["init-image"]),
        strength: number(values.strength),
        format: FORMATS[extname(values.output).toLowerCase()],
        priority: values.batch ? "batch" : "interactive",
      }),
      signal: ctrlC.signal,
    }),
    values.output,
  );
  flux.close();
} catch (error) {
  if (ctrlC.signal.aborted) {
    console.error("generate: cancelled");
    process.exit(130);
  }
  console.error(`generate: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * @param {AsyncIterable<import("fluxgrpc").GenerateEvent>} events
 * @param {string} output
 */
async function save(events, output) {
  let count = 1;
  for await (const event of events) {
    switch (event.case) {
      case "accepted": {
        const { width, height, seed } = event.value.settings ?? {};
        count = event.value.settings?.count ?? 1;
        console.log(`${event.value.modelName}: ${width} x ${height}, seed ${seed}`);
        break;
      }
      case "queued":
        console.log(`waiting: ${event.value.ahead} ahead`);
        break;
      case "encoded":
        if (event.value.t5Usage?.truncated) console.error(`the prompt is too long; cut off: ${event.value.t5Usage.droppedText}`);
        break;
      case "step":
        console.log(`image ${event.value.imageIndex + 1}/${count}, step ${event.value.stepIndex + 1}/${event.value.steps}`);
        break;
      case "replicaChanged":
        console.log(`image ${event.value.imageIndex + 1}/${count} goes on at ${event.value.toReplicaId}`);
        break;
      case "image": {
        const name = count === 1 ? output : numbered(output, event.value.imageIndex + 1);
        await writeFile(name, event.value.data);
        console.log(`${name}: seed ${event.value.seed}`);
        break;
      }
      case "finished":
        if (event.value.totalTime) console.log(`finished in ${(durationMs(event.value.totalTime) / 1000).toFixed(1)} s`);
        break;
    }
  }
}

/**
 * @param {string} output
 * @param {number} index
 */
function numbered(output, index) {
  const { dir, name, ext } = parse(output);
  return `${dir && `${dir}/`}${name}-${index}${ext}`;
}

/**
 * The options that have a value.
 *
 * @param {import("fluxgrpc").GenerateOptions} options
 * @returns {import("fluxgrpc").GenerateOptions}
 */
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** @param {string | undefined} text */
function number(text) {
  return text === undefined ? undefined : Number(text);
}
