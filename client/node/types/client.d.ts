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
    /**
     * @param {string} [address] `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`; nothing is sent before
     *   the first call.
     * @param {Security} [security] An API key, and the files for TLS.
     * @throws {TypeError} The address is none of these, or the rest does not fit it.
     */
    constructor(address?: string, security?: Security);
    address: string;
    /**
     * Makes pictures and tells everything on the way. Leaving the loop early, or the signal, stops the work on the server within
     * one step. Nothing is sent before the first event is asked for.
     *
     * @param {string} prompt What to draw.
     * @param {GenerateOptions} [options]
     * @returns {AsyncGenerator<GenerateEvent, void, void>}
     */
    generate(prompt: string, options?: GenerateOptions): AsyncGenerator<GenerateEvent, void, void>;
    /**
     * Makes pictures, each handed out as soon as it is done; `image.data` is the PNG file.
     *
     * @param {string} prompt What to draw.
     * @param {GenerateOptions} [options]
     * @returns {AsyncGenerator<GeneratedImage, void, void>}
     */
    generateImages(prompt: string, options?: GenerateOptions): AsyncGenerator<GeneratedImage, void, void>;
    /**
     * Stops a generation, detached or not, within one step.
     *
     * @param {string} requestId
     * @param {CallOptions} [options]
     */
    cancel(requestId: string, options?: CallOptions): Promise<void>;
    /**
     * Describes the models behind the server, its defaults and its limits.
     *
     * @param {CallOptions} [options]
     */
    modelInfo(options?: CallOptions): Promise<import("../gen/flux/v1/image_generation_service_pb.js").ImageGenerationServiceGetModelInfoResponse>;
    /**
     * Shows which services are behind the server and how busy they are.
     *
     * @param {CallOptions} [options]
     */
    status(options?: CallOptions): Promise<import("../gen/flux/v1/image_generation_service_pb.js").GetStatusResponse>;
    /** Closes the connection; the program can end. */
    close(): void;
    #private;
}
/**
 * What a generation may ask for beside the prompt. The server fills in what is left out or undefined.
 */
export type GenerateOptions = Omit<MessageInitShape<typeof GenerateRequestSchema>, "$typeName" | "$unknown" | "prompt" | "seed" | "priority" | "sampler" | "format"> & {
    seed?: number | bigint;
    priority?: "interactive" | "batch";
    sampler?: "euler" | "heun" | "dpmpp_2m";
    format?: "png" | "jpeg" | "webp";
} & CallOptions;
/**
 * What happens on the way to the pictures, by `case`: "accepted", "queued" (where it has to wait), "encoded", then for each image
 * its "step"s and the "image", then "finished". Images may be made side by side; their events then come mixed, each with its
 * imageIndex. "replicaChanged" between two steps: the image goes on at another denoiser.
 */
export type GenerateEvent = Exclude<GenerateResponse["event"], {
    case: undefined;
}>;
import type { GeneratedImage } from "../gen/flux/v1/image_generation_service_pb.js";
import type { CallOptions } from "./service-client.js";
import type { Security } from "./security.js";
import type { GenerateRequestSchema } from "../gen/flux/v1/image_generation_service_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GenerateResponse } from "../gen/flux/v1/image_generation_service_pb.js";
