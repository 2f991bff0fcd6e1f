"""Recognizes sounds as workers do: run in the listeners' environment, which has the recognizer, from the repository.

    python -m benchmarks.speech.hear FOLDER

The folder has `sounds.json`, a list of objects with `file`, a WAV file of 16 kHz, 16 bits, one channel, and `language`.
Prints a list of objects with `text`, `words` as text, start and end in seconds, `gap`, and `work` in seconds.
"""

import json
import sys
import time
from pathlib import Path

from render_service.domain.projects.word_times import RecognitionRequest
from render_service.speech.recognition.model import find_recognition
from render_service.speech.recognition.recognize import open_listener, recognize_recording


def main(folder: Path) -> None:
    """Recognize all sounds of a folder."""
    model = find_recognition(None)
    open_listener(model)
    results = []
    for sound in json.loads((folder / "sounds.json").read_text(encoding="utf-8")):
        began = time.perf_counter()
        found = recognize_recording(
            RecognitionRequest(sound["language"]), model, folder / sound["file"], lambda _: None
        )
        words = [(word.text, word.start.total_seconds(), word.end.total_seconds()) for word in found.words]
        results.append({"text": found.text, "words": words, "gap": found.gap, "work": time.perf_counter() - began})
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
