"""Lottie animations in layers: another picture in every frame."""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from render_service.compositor.lotties.document import MAX_BYTES, LottieDocument, LottieError, read_lottie
from render_service.compositor.lotties.drawing import LottieMissing, LottiePlayer, covering_size
from render_service.compositor.media.assets import Asset, AssetFault
from render_service.domain.layers.model import LottiePlayback

_PROBED_SIZE, _PROBED_FRAMES = (512, 512), 9
_MOST_KEPT = 4
_documents: "OrderedDict[str, LottieDocument]" = OrderedDict()


def load_lottie(asset: Asset) -> LottieDocument:
    """Read an animation.

    Raises:
        RenderFailure: ASSET_INVALID, naming the value of the file and its fault.
    """
    with asset.path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return read_lottie(data)
    except LottieError as error:
        raise asset.invalid(AssetFault.NOT_A_LOTTIE, str(error)) from error


def kept_lottie(asset: Asset, sha256: str) -> LottieDocument:
    """Return the animation of a file, which is read once for all segments of a process; raises as `load_lottie`.

    Args:
        asset: The file.
        sha256: The hash of its content.
    """
    if sha256 not in _documents:
        _documents[sha256] = load_lottie(asset)
        while len(_documents) > _MOST_KEPT:
            _documents.popitem(last=False)
    _documents.move_to_end(sha256)
    return _documents[sha256]


def probe_lottie(asset: Asset) -> tuple[int, int]:
    """Read an animation, and draw some of its frames; return its width and height in pixels.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be used, or animations cannot be drawn here.
    """
    document = load_lottie(asset)
    player = player_of(asset, document)
    for number in range(_PROBED_FRAMES):
        frame = (document.frames - 1) * number / (_PROBED_FRAMES - 1)
        drawn_frame(asset, player, document, max(frame, 0.0), _PROBED_SIZE)
    return document.width, document.height


def player_of(asset: Asset, document: LottieDocument) -> LottiePlayer:
    """Return what draws an animation.

    Raises:
        RenderFailure: ASSET_INVALID where animations cannot be drawn here.
    """
    try:
        return LottiePlayer(document)
    except LottieMissing as error:
        what = "Lottie animations are not drawn here; install render-service[lottie], or use a clip"
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, what) from error


def drawn_frame(
    asset: Asset, player: LottiePlayer, document: LottieDocument, frame: float, cover: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a frame of an animation that covers a size.

    Raises:
        RenderFailure: ASSET_INVALID where it cannot be drawn.
    """
    try:
        return player.draw(frame, covering_size(document, cover))
    except LottieError as error:
        raise asset.invalid(AssetFault.NOT_A_LOTTIE, str(error)) from error


class PlayedLottie:
    """The frames of an animation as its layer plays it.

    Args:
        asset: The file.
        sha256: The hash of its content.
        playback: How it is played.
    """

    def __init__(self, asset: Asset, sha256: str, playback: LottiePlayback) -> None:
        self._asset, self._playback = asset, playback
        self._document = kept_lottie(asset, sha256)
        self._player = player_of(asset, self._document)
        self._frame = 0.0

    def seek(self, seconds: float) -> bool:
        """Go to a time since the start of the layer, in seconds; return whether another frame is seen there."""
        before = self._frame
        self._frame = self._document.frame_at(seconds * self._playback.speed, once=self._playback.once)
        return self._frame != before

    def load(self, cover: tuple[int, int]) -> NDArray[np.uint8]:
        """Draw the frame so that it covers a width and height in pixels; see `load_image`."""
        return drawn_frame(self._asset, self._player, self._document, self._frame, cover)
