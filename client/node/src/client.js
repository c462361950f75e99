import { connect } from "./service-client.js";
import { ImageFormat, ImageGenerationService, Sampler } from "../gen/flux/v1/image_generation_service_pb.js";
import { Priority } from "../gen/flux/v1/priority_pb.js";

/** @import { MessageInitShape } from "@bufbuild/protobuf" */
/** @import { GenerateRequestSchema, GenerateResponse, GeneratedImage } from "../gen/flux/v1/image_generation_service_pb.js" */
/** @import { CallOptions } from "./service-client.js" */
/** @import { Security } from "./security.js" */

/**
 * What a generation may ask for beside the prompt. The server fills in what is left out or undefined.
 *
 * @typedef {Omit<MessageInitShape<typeof GenerateRequestSchema>,
 *   "$typeName" | "$unknown" | "prompt" | "seed" | "priority" | "sampler" | "format"> & {
 *   seed?: number | bigint,
 *   priority?: "interactive" | "batch",
 *   sampler?: "euler" | "heun" | "dpmpp_2m",
 *   format?: "png" | "jpeg" | "webp",
 * } & CallOptions} GenerateOptions
 */

/**
 * What happens on the way to the pictures, by `case`: "accepted", "queued" (where it has to wait), "encoded", then for each image
 * its "step"s and the "image", then "finished". Images may be made side by side; their events then come mixed, each with its
 * imageIndex. "replicaChanged" between two steps: the image goes on at another denoiser.
 *
 * @typedef {Exclude<GenerateResponse["event"], { case: undefined }>} GenerateEvent
 */

/**
 * Asks an orchestrator for pictures. Every method throws FluxError where the call fails, and the signal's reason where it was
 * cancelled by its signal.
 *
 * @example
 * const flux = new FluxClient("http://127.0.0.1:5000");
 * for await (const image of flux.generateImages("a red circle", { seed: 7 }))
 *   await writeFile(`${image.seed}.png`, image.data);
 * flux.close();
 */
export class FluxClient {
  #service;

  /**
   * @param {string} [address] `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`; nothing is sent before
   *   the first call.
   * @param {Security} [security] An API key, and the files for TLS.
   * @throws {TypeError} The address is none of these, or the rest does not fit it.
   */
  constructor(address = "http://127.0.0.1:5000", security = {}) {
    this.address = address;
    this.#service = connect(ImageGenerationService, address, security);
  }

  /**
   * Makes pictures and tells everything on the way. Leaving the loop early, or the signal, stops the work on the server within
   * one step. Nothing is sent before the first event is asked for.
   *
   * @param {string} prompt What to draw.
   * @param {GenerateOptions} [options]
   * @returns {AsyncGenerator<GenerateEvent, void, void>}
   */
  async *generate(prompt, options = {}) {
    const { signal, seed, ...fields } = options;
    const request = {
      ...fields,
      prompt,
      seed: seed === undefined ? undefined : BigInt(seed),
      priority: valueOf("priority", options.priority, Priority),
      sampler: valueOf("sampler", options.sampler, Sampler),
      format: valueOf("format", options.format, ImageFormat),
    };
    for await (const { event } of this.#service.generate(request, { signal })) {
      if (event.case !== undefined) yield event; // Without a case: an event of a newer server.
    }
  }

  /**
   * Makes pictures, each handed out as soon as it is done; `image.data` is the PNG file.
   *
   * @param {string} prompt What to draw.
   * @param {GenerateOptions} [options]
   * @returns {AsyncGenerator<GeneratedImage, void, void>}
   */
  async *generateImages(prompt, options = {}) {
    for await (const event of this.generate(prompt, options)) {
      if (event.case === "image") yield event.value;
    }
  }

  /**
   * Stops a generation, detached or not, within one step.
   *
   * @param {string} requestId
   * @param {CallOptions} [options]
   */
  async cancel(requestId, options = {}) {
    await this.#service.cancelGeneration({ requestId }, options);
  }

  /**
   * Describes the models behind the server, its defaults and its limits.
   *
   * @param {CallOptions} [options]
   */
  modelInfo(options = {}) {
    return this.#service.getModelInfo({}, options);
  }

  /**
   * Shows which services are behind the server and how busy they are.
   *
   * @param {CallOptions} [options]
   */
  status(options = {}) {
    return this.#service.getStatus({}, options);
  }

  /** Closes the connection; the program can end. */
  close() {
    this.#service.close();
  }
}

/**
 * An enum's value by its name in lower case.
 *
 * @template {Record<string, string | number>} E
 * @param {string} option
 * @param {string | undefined} name
 * @param {E} values
 * @returns {Exclude<E[keyof E], string> | undefined}
 */
function valueOf(option, name, values) {
  if (name === undefined) return undefined;
  const value = values[name.toUpperCase()];
  if (typeof value !== "number" || value === 0) throw new TypeError(`${option} is '${name}'; allowed: ${namesOf(values)}`);
  return /** @type {Exclude<E[keyof E], string>} */ (value);
}

/** @param {Record<string, string | number>} values */
function namesOf(values) {
  const names = Object.keys(values).filter((name) => Number(values[name]) > 0);
  return names.map((name) => name.toLowerCase()).join(", ");
}
