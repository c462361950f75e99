using FluxGrpc.Hosting;
using FluxGrpc.Vae;

return await ServiceProgram.RunAsync<VaeOptions>(
    VaeServer.Name, "The VAE service of FLUX.1: latents to pixels and back, over gRPC.", args, VaeServer.Build);
