namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>The MT19937 generator of Matsumoto and Nishimura (1998), which PyTorch's CPU generator is built on.</summary>
internal sealed class MersenneTwister
{
    private const int StateSize = 624;
    private const int MiddleWord = 397;
    private const uint UpperBit = 0x8000_0000;
    private const uint LowerBits = 0x7FFF_FFFF;
    private const uint TwistMatrix = 0x9908_B0DF;

    private readonly uint[] _state = new uint[StateSize];
    private int _next = StateSize;

    /// <param name="seed">As <c>init_genrand</c> of the published code.</param>
    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (var i = 1; i < StateSize; i++)
        {
            var previous = _state[i - 1];
            _state[i] = 1_812_433_253 * (previous ^ (previous >> 30)) + (uint)i;
        }
    }

    /// <summary>The next 32 random bits.</summary>
    public uint NextUInt32()
    {
        if (_next == StateSize)
            Twist();
        var word = _state[_next++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        return word ^ (word >> 18);
    }

    /// <summary>The next 64 random bits; the first draw is the high word.</summary>
    public ulong NextUInt64()
    {
        ulong high = NextUInt32();
        return (high << 32) | NextUInt32();
    }

    private void Twist()
    {
        for (var i = 0; i < StateSize; i++)
        {
            var mixed = (_state[i] & UpperBit) | (_state[(i + 1) % StateSize] & LowerBits);
            var twisted = (mixed >> 1) ^ ((mixed & 1) * TwistMatrix);
            _state[i] = _state[(i + MiddleWord) % StateSize] ^ twisted;
        }

        _next = 0;
    }
}
