"""The contracts (protos/flux/v1): every message, enum value and service stub. Written by client/generate-code."""
from fluxgrpc.v1.denoiser_service_pb2 import *
from fluxgrpc.v1.image_generation_service_pb2 import *
from fluxgrpc.v1.model_info_pb2 import *
from fluxgrpc.v1.priority_pb2 import *
from fluxgrpc.v1.tensor_pb2 import *
from fluxgrpc.v1.text_encoder_service_pb2 import *
from fluxgrpc.v1.vae_service_pb2 import *
from fluxgrpc.v1.denoiser_service_pb2_grpc import *
from fluxgrpc.v1.image_generation_service_pb2_grpc import *
from fluxgrpc.v1.text_encoder_service_pb2_grpc import *
from fluxgrpc.v1.vae_service_pb2_grpc import *
