using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>The examples of client/node.</summary>
[Collection(RealServicesTests.Name)]
public sealed class NodeTests(RealServicesFixture fixture) : IDisposable
{
    private readonly ClientScenarios _client = new(fixture, ClientProgram.Node);

    public void Dispose() => _client.Dispose();

    [NodeFact]
    public Task They_draw_the_bytes_of_the_CSharp_client() => _client.DrawTheBytesOfTheCSharpClient();

    [NodeFact]
    public Task They_edit_a_picture_as_the_CSharp_client_does() => _client.EditAPictureAsTheCSharpClientDoes();

    [NodeFact]
    public Task They_draw_along_timesteps_of_the_callers_own_and_again_from_the_picture() =>
        _client.DrawAlongTimestepsOfTheCallersOwnAndAgainFromThePicture();

    [NodeFact]
    public Task They_say_what_the_server_refuses() => _client.SayWhatTheServerRefuses();

    [NodeFact]
    public Task They_free_the_denoiser_at_Ctrl_C() => _client.FreeTheDenoiserAtCtrlC();

    [NodeFact]
    public Task They_draw_with_a_sampler_of_their_own() => _client.DrawWithASamplerOfItsOwn();
}
