/**
 * How to call: the signal cancels the call, which then throws the signal's reason. `AbortSignal.timeout(ms)` is a time limit.
 *
 * @typedef {{ signal?: AbortSignal }} CallOptions
 */
/**
 * A service of the contracts: `DenoiserService` and its like, from "fluxgrpc/v1".
 *
 * @typedef {{ methods: DescMethod[], method: Record<string, DescMethod> }} Service
 */
/**
 * A function for a method.
 *
 * @template {DescMethod} M
 * @typedef {M["methodKind"] extends "unary"
 *   ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => Promise<MessageShape<M["output"]>>
 *   : M["methodKind"] extends "server_streaming"
 *     ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => AsyncGenerator<MessageShape<M["output"]>, void, void>
 *     : (options?: CallOptions) => Conversation<M["input"], M["output"]>} Call
 */
/**
 * A function for each method of a service, and `close`, which ends the connection.
 *
 * @template {Service} S
 * @typedef {{ [K in keyof S["method"]]: Call<S["method"][K]> } & { close(): void }} ServiceClient
 */
/**
 * Makes a client of any of the services; nothing is sent before the first call. Every call throws FluxError where it fails.
 *
 * @template {Service} S
 * @param {S} service `DenoiserService` and its like, from "fluxgrpc/v1".
 * @param {string} address `http://host:port`, `https://host:port`, `host:port` or `unix:/path/of.sock`.
 * @param {Security} [security] An API key, and the files for TLS.
 * @returns {ServiceClient<S>} A function for each method, and `close`, which ends the connection.
 * @throws {TypeError} The address is none of these, or the rest does not fit it.
 */
export function connect<S extends Service>(service: S, address: string, security?: Security): ServiceClient<S>;
/**
 * A call in which both sides send messages.
 *
 * @template {DescMessage} I
 * @template {DescMessage} O
 */
export class Conversation<I extends DescMessage, O extends DescMessage> {
    /**
     * @param {ClientDuplexStream<Buffer, MessageShape<O>>} call
     * @param {I} input
     * @param {string} address
     * @param {AbortSignal | undefined} signal
     */
    constructor(call: ClientDuplexStream<Buffer, MessageShape<O>>, input: I, address: string, signal: AbortSignal | undefined);
    /**
     * @param {MessageInitShape<I>} message
     */
    send(message: MessageInitShape<I>): void;
    /**
     * @returns {Promise<MessageShape<O> | undefined>} The server's next message; undefined after its last one.
     */
    receive(): Promise<MessageShape<O> | undefined>;
    /** Says that nothing more will be sent. */
    end(): void;
    /** Ends the call at once. */
    cancel(): void;
    #private;
}
/**
 * How to call: the signal cancels the call, which then throws the signal's reason. `AbortSignal.timeout(ms)` is a time limit.
 */
export type CallOptions = {
    signal?: AbortSignal;
};
/**
 * A service of the contracts: `DenoiserService` and its like, from "fluxgrpc/v1".
 */
export type Service = {
    methods: DescMethod[];
    method: Record<string, DescMethod>;
};
/**
 * A function for a method.
 */
export type Call<M extends DescMethod> = M["methodKind"] extends "unary" ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => Promise<MessageShape<M["output"]>> : M["methodKind"] extends "server_streaming" ? (request: MessageInitShape<M["input"]>, options?: CallOptions) => AsyncGenerator<MessageShape<M["output"]>, void, void> : (options?: CallOptions) => Conversation<M["input"], M["output"]>;
/**
 * A function for each method of a service, and `close`, which ends the connection.
 */
export type ServiceClient<S extends Service> = { [K in keyof S["method"]]: Call<S["method"][K]>; } & {
    close(): void;
};
import type { Security } from "./security.js";
import type { DescMessage } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MessageShape } from "@bufbuild/protobuf";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { DescMethod } from "@bufbuild/protobuf";
