using FluxGrpc.Hosting;
using FluxGrpc.TextEncoder;

return await ServiceProgram.RunAsync<TextEncoderOptions>(
    TextEncoderServer.Name, "The text encoder service of FLUX.1: a prompt to its conditioning, over gRPC.", args, TextEncoderServer.Build);
