using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>The examples of client/python.</summary>
[Collection(RealServicesTests.Name)]
public sealed class PythonTests(RealServicesFixture fixture) : IDisposable
{
    private readonly ClientScenarios _client = new(fixture, ClientProgram.Python);

    public void Dispose() => _client.Dispose();

    [PythonFact]
    public Task They_draw_the_bytes_of_the_CSharp_client() => _client.DrawTheBytesOfTheCSharpClient();

    [PythonFact]
    public Task They_edit_a_picture_as_the_CSharp_client_does() => _client.EditAPictureAsTheCSharpClientDoes();

    [PythonFact]
    public Task They_draw_along_timesteps_of_the_callers_own_and_again_from_the_picture() =>
        _client.DrawAlongTimestepsOfTheCallersOwnAndAgainFromThePicture();

    [PythonFact]
    public Task They_say_what_the_server_refuses() => _client.SayWhatTheServerRefuses();

    [PythonFact]
    public Task They_free_the_denoiser_at_Ctrl_C() => _client.FreeTheDenoiserAtCtrlC();

    [PythonFact]
    public Task They_draw_with_a_sampler_of_their_own() => _client.DrawWithASamplerOfItsOwn();
}
