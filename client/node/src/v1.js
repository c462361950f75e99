/**
 * The contracts (protos/flux/v1): the schema of every message, every enum and the services that `connect` takes.
 *
 * @module fluxgrpc/v1
 */

export * from "../gen/flux/v1/denoiser_service_pb.js";
export * from "../gen/flux/v1/image_generation_service_pb.js";
export * from "../gen/flux/v1/model_info_pb.js";
export * from "../gen/flux/v1/priority_pb.js";
export * from "../gen/flux/v1/tensor_pb.js";
export * from "../gen/flux/v1/text_encoder_service_pb.js";
export * from "../gen/flux/v1/vae_service_pb.js";
