using CsCheck;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

public sealed class TokenizerTests
{
    private static readonly T5Tokenizer _t5 = T5Tokenizer.Load(GoldenFolder.PathOf("tokenizers/spiece_small.model"));
    private static readonly T5Tokenizer _t5FromJson = T5Tokenizer.Load(GoldenFolder.PathOf("tokenizers/t5_small_tokenizer.json"));
    private static readonly ClipTokenizer _clip = ClipTokenizer.Load(GoldenFolder.PathOf("tokenizers"));

    [Fact]
    public void A_long_run_of_unknown_characters_takes_memory_in_proportion_to_its_length()
    {
        static long Allocated(int length)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.InRange(_t5.Encode(new string('中', length), 16).TokenCount, 2, 3); // A space, the run, the end.
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Allocated(1000); // Whatever is made once.
        Assert.InRange(Allocated(10_000), 0, 20 * Allocated(1000));
    }

    [Fact]
    public void Special_ids_come_from_the_files()
    {
        Assert.Equal((1, 0, 400), (_t5.EndId, _t5.PaddingId, _t5.VocabularySize));
        Assert.Equal((49406, 49407, 49407, 49408), (_clip.StartId, _clip.EndId, _clip.PaddingId, _clip.VocabularySize));
    }

    [Fact]
    public void Both_files_of_T5_hold_the_same_tokenizer()
    {
        Assert.Equal(_t5.Digest, _t5FromJson.Digest);
        Gen.String.Sample(prompt => _t5.Encode(prompt, 64).Ids.SequenceEqual(_t5FromJson.Encode(prompt, 64).Ids));
    }

    [Fact]
    public void Any_text_gives_ids_of_the_length_asked_for() => Gen.Select(Gen.String, Gen.Int[2, 100]).Sample((prompt, length) =>
    {
        AssertWellFormed(_t5.Encode(prompt, length), length, _t5.VocabularySize, _t5.EndId);
        AssertWellFormed(_clip.Encode(prompt, length), length, _clip.VocabularySize, _clip.EndId);
    });

    [Theory]
    [InlineData("a photo of a cat", 4, "of a cat")]
    [InlineData("a photo of a cat", 8, "")]
    [InlineData("ONE Two 漢字", 4, "漢字")]
    [InlineData("x 👨‍👩‍👧‍👦", 3, "👨‍👩‍👧‍👦")]
    [InlineData("x 👨‍👩‍👧‍👦", 4, "👩‍👧‍👦")]
    public void Clip_tells_what_it_cut_off(string prompt, int length, string dropped) =>
        Assert.Equal(dropped, _clip.Encode(prompt, length).DroppedText);

    [Theory]
    [InlineData("a photo of a cat", 3, "of a cat")]
    [InlineData("a photo of a cat", 7, "")]
    [InlineData("a 漢字 cat", 2, "漢字 cat")]
    public void T5_tells_what_it_cut_off(string prompt, int length, string dropped) =>
        Assert.Equal(dropped, _t5.Encode(prompt, length).DroppedText);

    [Fact]
    public void A_special_token_in_a_prompt_is_one_for_clip_as_in_the_reference_and_text_for_T5()
    {
        Assert.Equal([49406, 320, 49407, 321, 49407], _clip.Encode("a <|endoftext|> b", 77).Ids.Take(5));
        Assert.DoesNotContain(_t5.EndId, _t5.Encode("a </s> b", 64).Ids.Take(_t5.Encode("a </s> b", 64).TokenCount - 1));
    }

    [Fact]
    public void The_lower_case_of_a_dotted_capital_i_has_two_characters() =>
        Assert.Equal(_clip.Encode("i\u0307", 77).Ids, _clip.Encode("\u0130", 77).Ids);

    [Fact]
    public void Many_threads_get_the_same_ids()
    {
        var prompts = Enumerable.Range(0, 500).Select(i => $"{(char)(0x4E00 + i)} number {i} {(char)(0x400 + i)}").ToArray();
        var clip = ClipTokenizer.Load(GoldenFolder.PathOf("tokenizers"));
        var expected = prompts.Select(prompt => (T5: _t5.Encode(prompt, 40).Ids, Clip: _clip.Encode(prompt, 77).Ids)).ToArray();

        Parallel.For(0, 4 * prompts.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var prompt = i % prompts.Length;
            Assert.Equal(expected[prompt].T5, _t5.Encode(prompts[prompt], 40).Ids);
            Assert.Equal(expected[prompt].Clip, clip.Encode(prompts[prompt], 77).Ids);
        });
    }

    private static void AssertWellFormed(TokenSequence tokens, int length, int vocabularySize, int endId)
    {
        Assert.Equal(length, tokens.Ids.Count);
        Assert.All(tokens.Ids, id => Assert.InRange(id, 0, vocabularySize - 1));
        Assert.Equal(endId, tokens.Ids[Math.Min(tokens.TokenCount, length) - 1]);
        Assert.Equal(Math.Min(tokens.TokenCount, length), tokens.Pieces.Count);
        Assert.Equal(tokens.TokenCount > length, tokens.Truncated);
    }
}
