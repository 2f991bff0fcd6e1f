"""Identifies an asset by its first bytes, and rejects what its field cannot take. No decoder ever guesses."""

from pathlib import Path

from render_service.compositor.media.assets import Asset, AssetFault
from render_service.domain.projects.file_signatures import HEAD_BYTES, FileClass, FileKind, sniff


def sniff_asset(asset: Asset, wanted: FileClass) -> FileKind:
    """Identify an asset, and reject it if it cannot be what its field wants.

    Args:
        asset: A local file.
        wanted: IMAGE, CLIP or SOUND. An animated GIF passes as a clip, a clip's sound track as a sound.

    Returns:
        Its kind, with a `reader`.

    Raises:
        RenderFailure: ASSET_INVALID for an empty file, markup, a playlist, another kind than wanted, or a kind that is
            not supported.
    """
    with Path(asset.path).open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise asset.invalid(AssetFault.EMPTY, "the file is empty; upload it again")
    kind = sniff(head)
    if kind.file_class is FileClass.PLAYLIST:
        raise asset.invalid(AssetFault.PLAYLIST, "the file is a playlist; name the media file itself")
    if kind.file_class is FileClass.MARKUP:
        raise asset.invalid(AssetFault.MARKUP, f"the file is {kind.name}, not {_ARTICLES[wanted]}")
    if kind.file_class is FileClass.UNKNOWN:
        raise asset.invalid(_NOT_WANTED[wanted], f"the file is not {_ARTICLES[wanted]} in a supported format")
    if kind.name == "GIF" and wanted is FileClass.CLIP:
        return FileKind(FileClass.CLIP, "GIF", "gif")
    if kind.file_class is not wanted and (kind.file_class, wanted) != (FileClass.CLIP, FileClass.SOUND):
        raise asset.invalid(AssetFault.WRONG_TYPE, f"the file is {kind.name}, not {_ARTICLES[wanted]}")
    if kind.reader is None:
        raise asset.invalid(AssetFault.UNSUPPORTED_CODEC, f"{kind.name} is not supported; convert it to JPEG or PNG")
    return kind


_NOT_WANTED = {
    FileClass.IMAGE: AssetFault.NOT_AN_IMAGE,
    FileClass.CLIP: AssetFault.NOT_A_VIDEO,
    FileClass.SOUND: AssetFault.NOT_A_SOUND,
}
_ARTICLES = {FileClass.IMAGE: "a picture", FileClass.CLIP: "a video", FileClass.SOUND: "a sound file"}
