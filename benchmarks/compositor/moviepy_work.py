"""The work as MoviePy's users write it, in its own environment: OUTPUT WIDTH HEIGHT FPS (PICTURE CAPTION SECONDS)…"""

import sys

from moviepy import CompositeVideoClip, ImageClip, vfx

output, width, height, fps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
clips: list[CompositeVideoClip] = []
start = 0.0
for index in range(5, len(sys.argv), 3):
    picture, caption, seconds = sys.argv[index], sys.argv[index + 1], float(sys.argv[index + 2])
    photo = ImageClip(picture).with_duration(seconds)
    cover = max(width / photo.w, height / photo.h)
    zoomed = photo.resized(lambda t, cover=cover, seconds=seconds: cover * (1 + 0.1 * t / seconds))
    layers = [zoomed.with_position("center"), ImageClip(caption).with_duration(seconds)]
    shot = CompositeVideoClip(layers, size=(width, height)).with_duration(seconds).with_start(start)
    if clips:
        shot = shot.with_effects([vfx.CrossFadeIn(0.5)])
    clips.append(shot)
    start += seconds - 0.5
video = CompositeVideoClip(clips, size=(width, height))
quality = ["-crf", "21"]
video.write_videofile(
    output, fps=fps, codec="libx264", preset="veryfast", ffmpeg_params=quality, audio=False, logger=None, threads=2
)
