import { connect } from "./service-client.js";
import { ImageGenerationService } from "../gen/flux/v1/image_generation_service_pb.js";
import { Priority } from "../gen/flux/v1/priority_pb.js";

/** @import { MessageInitShape } from "@bufbuild/protobuf" */
/** @import { GenerateRequestSchema, GenerateResponse, GeneratedImage } from "../gen/flux/v1/image_generation_service_pb.js" */
/** @import { CallOptions } from "./service-client.js" */

/**
 * What a generation may ask for beside the prompt. The server fills in what is left out or undefined.
 *
 * @typedef {Omit<MessageInitShape<typeof GenerateRequestSchema>, "$typeName" | "$unknown" | "prompt" | "seed" | "priority"> & {
 *   seed?: number | bigint,
 *   priority?: "interactive" | "batch",
 * } & CallOptions} GenerateOptions
 */

/**
 * What happens on the way to the pictures, by `case`: "accepted", "queued" (where it has to wait), "encoded", then for each image
 * its "step"s and the "image", then "finished". "replicaChanged" between two steps: the image goes on at another denoiser.
 *
 * @typedef {Exclude<GenerateResponse["event"], { case: undefined }>} GenerateEvent
 */

const PRIORITIES = { interactive: Priority.INTERACTIVE, batch: Priority.BATCH };

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
   * @param {string} [address] `http://host:port`, `host:port` or `unix:/path/of.sock`; nothing is sent before the first call.
   * @throws {TypeError} The address is none of these.
   */
  constructor(address = "http://127.0.0.1:5000") {
    this.address = address;
    this.#service = connect(ImageGenerationService, address);
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
    const { signal, seed, priority = "interactive", ...fields } = options;
    if (!Object.hasOwn(PRIORITIES, priority)) throw new TypeError(`priority is '${priority}'; allowed: interactive, batch`);
    const request = {
      ...fields,
      prompt,
      seed: seed === undefined ? undefined : BigInt(seed),
      priority: PRIORITIES[priority],
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
