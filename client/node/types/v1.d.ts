export * from "../gen/flux/v1/denoiser_service_pb.js";
export * from "../gen/flux/v1/image_generation_service_pb.js";
export * from "../gen/flux/v1/model_info_pb.js";
export * from "../gen/flux/v1/priority_pb.js";
export * from "../gen/flux/v1/tensor_pb.js";
export * from "../gen/flux/v1/text_encoder_service_pb.js";
export * from "../gen/flux/v1/vae_service_pb.js";
