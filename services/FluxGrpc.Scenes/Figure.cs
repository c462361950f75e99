namespace FluxGrpc.Scenes;

/// <summary>The figures that the mini checkpoint draws.</summary>
public enum Figure
{
    /// <summary>A filled disc.</summary>
    Circle,

    /// <summary>A square with upright sides.</summary>
    Square,

    /// <summary>An equilateral triangle, tip up.</summary>
    Triangle,

    /// <summary>A star of five points, one up.</summary>
    Star,

    /// <summary>A disc with a round hole.</summary>
    Ring,

    /// <summary>A plus sign with thick arms.</summary>
    Cross,
}
