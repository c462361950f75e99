using FluxGrpc.Scenes;
using FluxGrpc.TextEncoder.Tokenization;
using FluxGrpc.Training;
using FluxGrpc.Training.Tokenizers;
using Xunit;

namespace FluxGrpc.UnitTests.Training;

public sealed class TokenizerVocabularyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flux-vocabulary").FullName;
    private readonly T5Tokenizer _t5;
    private readonly ClipTokenizer _clip;

    public TokenizerVocabularyTests()
    {
        var words = CaptionWords.Count();
        SentencePieceVocabulary.Write(words, Path.Combine(_folder, "spiece.model"));
        BytePairVocabulary.Write(words, _folder);
        _t5 = T5Tokenizer.Load(Path.Combine(_folder, "spiece.model"));
        _clip = ClipTokenizer.Load(_folder);
    }

    [Fact]
    public void Each_word_of_a_caption_is_one_token()
    {
        var t5 = _t5.Encode("A red circle left of a blue square, on a gray background.", 24);
        var clip = _clip.Encode("A red circle left of a blue square, on a gray background.", 24);

        Assert.Equal(
            ["▁A", "▁red", "▁circle", "▁left", "▁of", "▁a", "▁blue", "▁square", ",", "▁on", "▁a", "▁gray", "▁background", ".", "</s>"],
            t5.Pieces);
        Assert.Equal(t5.TokenCount + 1, clip.TokenCount);
        Assert.Equal("circle</w>", clip.Pieces[3]);
    }

    [Fact]
    public void Every_caption_fits_and_has_no_unknown_token()
    {
        const int Unknown = 2;
        var scenes = new SceneGenerator(seed: 11);
        var captions = new Captions(seed: 11);
        for (var i = 0; i < 500; i++)
        {
            var caption = captions.Next(scenes.Next(128, 128, shareOfTwo: 0.7, heldOut: true));
            var t5 = _t5.Encode(caption, MiniModel.TextTokens);
            Assert.False(t5.Truncated, caption);
            Assert.DoesNotContain(Unknown, t5.Ids);
            Assert.False(_clip.Encode(caption, MiniModel.TextTokens + 2).Truncated, caption);
        }
    }

    [Theory]
    [InlineData("a red circle \u2014 please")]
    [InlineData("a red circle \u00e9t\u00e9")]
    [InlineData("a red circle \U0001F534")]
    public void Characters_that_no_caption_has_end_clips_prompt_and_leave_the_words_before_alone(string prompt)
    {
        var known = _clip.Encode("a red circle", 12);
        var clip = _clip.Encode(prompt, 12);

        Assert.Equal(known.Ids.Take(5), clip.Ids.Take(5)); // Start, three words, end: the vector is taken at the first end token.
        Assert.All(clip.Ids, id => Assert.InRange(id, 0, _clip.VocabularySize - 1));
    }

    [Fact]
    public void Other_words_are_spelled_and_nothing_is_an_end_and_padding()
    {
        Assert.Equal(["▁", "c", "a", "t", "</s>"], _t5.Encode("cat", 8).Pieces);
        Assert.Equal([1, 0, 0], _t5.Encode("", 3).Ids);
        Assert.Equal([_clip.StartId, _clip.EndId, _clip.PaddingId], _clip.Encode("", 3).Ids);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
