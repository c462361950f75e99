import { inflateSync } from "node:zlib";

/** @import { GenerateOptions } from "./client.js" */

const SIGNATURE = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const MAX_TEXT_BYTES = 1 << 20;
/** @type {Record<string, GenerateOptions["sampler"]>} */
const SAMPLERS = { Euler: "euler", Heun: "heun", DpmSolver2M: "dpmpp_2m" };

/**
 * Reads from a PNG file of ours how it was made, so that `flux.generate(prompt, options)` makes it again.
 *
 * @param {Uint8Array} file The file, which is not trusted.
 * @returns {{ prompt: string, options: GenerateOptions }}
 * @throws {TypeError} It is no PNG file, is broken, does not say how it was made, or was made from another picture.
 */
export function settingsOf(file) {
  const chunks = chunksOf(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  const texts = new Map(chunks.flatMap(({ kind, content }) => textOf(kind, content)));
  const prompt = texts.get("prompt");
  const seed = texts.get("seed");
  if (prompt === undefined || seed === undefined) throw new TypeError("the picture does not say how it was made");
  if (texts.has("strength")) throw new TypeError("the picture was made from another one, which it does not hold: initImage takes it");

  const header = chunks[0].content;
  /** @type {GenerateOptions} */
  const options = { width: header.readUInt32BE(0), height: header.readUInt32BE(4), seed: bigintOf(seed) };
  /** @param {string} keyword @param {(text: string) => void} set */
  const apply = (keyword, set) => {
    const text = texts.get(keyword);
    if (text !== undefined) set(text);
  };
  apply("steps", (text) => (options.steps = numberOf(text)));
  apply("guidance", (text) => (options.guidance = numberOf(text)));
  apply("max_tokens", (text) => (options.maxTokens = numberOf(text)));
  apply("t5_prompt", (text) => (options.t5Prompt = text));
  apply("negative_prompt", (text) => (options.negativePrompt = text));
  apply("true_cfg_scale", (text) => (options.trueCfgScale = numberOf(text)));
  apply("step_cache_threshold", (text) => (options.stepCacheThreshold = numberOf(text)));
  apply("sigmas", (text) => (options.sigmas = text.split(" ").map(numberOf)));
  apply("sampler", (text) => (options.sampler = samplerOf(text)));
  return { prompt, options };
}

/** @param {string} name */
function samplerOf(name) {
  if (!Object.hasOwn(SAMPLERS, name)) {
    throw new TypeError(`the picture was made by the sampler '${name}', which this client does not know`);
  }
  return SAMPLERS[name];
}

/** @param {string} text */
function numberOf(text) {
  const number = text === "" ? NaN : Number(text);
  if (!Number.isFinite(number)) throw new TypeError(`the picture's settings have '${text}' for a number`);
  return number;
}

/** @param {string} text */
function bigintOf(text) {
  if (!/^\d+$/.test(text)) throw new TypeError(`the picture's settings have '${text}' for a seed`);
  return BigInt(text);
}

/**
 * Type and content of each chunk, the header first.
 *
 * @param {Buffer} file
 */
function chunksOf(file) {
  if (!file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new TypeError("not a PNG file");
  const chunks = [];
  let position = SIGNATURE.length;
  while (position < file.length) {
    const end = position + 8 + (position + 12 <= file.length ? file.readUInt32BE(position) : file.length);
    if (end + 4 > file.length) throw new TypeError("the PNG file ends within a chunk");
    chunks.push({ kind: file.toString("latin1", position + 4, position + 8), content: file.subarray(position + 8, end) });
    position = end + 4;
  }
  if (chunks.length === 0 || chunks[0].kind !== "IHDR" || chunks[0].content.length < 8) throw new TypeError("the PNG file has no header");
  return chunks;
}

/**
 * Keyword and text of a text chunk; none of another.
 *
 * @param {string} kind
 * @param {Buffer} content
 * @returns {[string, string][]}
 */
function textOf(kind, content) {
  const [keyword, rest] = partition(content);
  const name = keyword.toString("latin1");
  switch (kind) {
    case "tEXt":
      return [[name, rest.toString("latin1")]];
    case "zTXt":
      return [[name, inflate(rest.subarray(1)).toString("latin1")]];
    case "iTXt": {
      const text = partition(partition(rest.subarray(2))[1])[1]; // Behind the language and the translated keyword.
      return [[name, (rest[0] === 1 ? inflate(text) : text).toString("utf8")]];
    }
    default:
      return [];
  }
}

/**
 * What is before and after the first zero.
 *
 * @param {Buffer} content
 */
function partition(content) {
  const zero = content.indexOf(0);
  return zero < 0 ? [content, Buffer.alloc(0)] : [content.subarray(0, zero), content.subarray(zero + 1)];
}

/** @param {Buffer} compressed */
function inflate(compressed) {
  try {
    return inflateSync(compressed, { maxOutputLength: MAX_TEXT_BYTES });
  } catch (error) {
    throw new TypeError(`a compressed text of the PNG file is broken or longer than ${MAX_TEXT_BYTES} bytes`, { cause: error });
  }
}
