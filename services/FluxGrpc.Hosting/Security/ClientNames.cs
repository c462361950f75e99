using System.Security.Cryptography.X509Certificates;
using FluxGrpc.Tensors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Hosting.Security;

/// <summary>
/// The names that a client's certificate may bear, where there is mutual TLS. The authority alone is no proof of a role: it may
/// also have signed the certificates of callers who have no business with an internal service.
/// </summary>
public sealed class ClientNames
{
    private readonly IReadOnlyList<string> _allowed;

    /// <param name="allowed">DNS names separated by commas; *.example.org allows all below, * allows any certificate.</param>
    public ClientNames(string allowed)
    {
        ArgumentNullException.ThrowIfNull(allowed);
        _allowed = allowed.Split(',');
    }

    /// <summary>Refuses calls over TLS whose certificate bears none of the names, before their messages are read.</summary>
    public static void Require(WebApplication app)
    {
        var names = app.Services.GetRequiredService<ClientNames>();
        app.Use((context, next) =>
        {
            // Where no certificates are asked for, nobody has one.
            var shown = context.Features.Get<ITlsConnectionFeature>()?.ClientCertificate;
            return shown is null || HealthCalls.IsOne(context) || names.Allow(shown)
                || app.Services.GetRequiredService<ServerTls>().IsItself(shown)
                ? next(context)
                : Refusal.WriteAsync(context, RpcErrors.PermissionDenied("CLIENT_NOT_ALLOWED",
                    $"The certificate of '{shown.Subject}' does not bear a name that may call this service"));
        });
    }

    /// <summary>True where a certificate bears one of the names.</summary>
    public bool Allow(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var borne = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames()).ToList();
        return _allowed.Any(pattern => pattern == "*" || borne.Any(name => Matches(pattern, name)));
    }

    private static bool Matches(string pattern, string name) => pattern.StartsWith("*.", StringComparison.Ordinal)
        ? name.Length > pattern.Length - 1 && name.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase)
        : name.Equals(pattern, StringComparison.OrdinalIgnoreCase);
}
