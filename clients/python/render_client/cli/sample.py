"""The commented sample project that `render init` writes."""

from __future__ import annotations

SAMPLE = """\
// A project for the render service: the JSON form of render.v1.Project.
// Lines that begin with two slashes are comments. Every field is described in proto/render/v1/project.proto.
{
  "title": "My first video",

  // PROJECT_MODE_STANDARD is 16:9 with captions at the bottom, PROJECT_MODE_SHORT is 9:16 for phones with large
  // captions, PROJECT_MODE_SLIDESHOW is 16:9 with long cross-fades and no captions unless you give them.
  "mode": "PROJECT_MODE_STANDARD",

  // The main language of the texts: en, zh-Hans, zh-Hant, ja, ko, ...
  "language": "en",

  "storyboard": {
    "shots": [
      {
        "id": "opening",
        // What the shot shows: the prompt for providers that generate clips, or the text of a card if there is no
        // picture.
        "visual_description": "A village by the sea, early morning",
        // The text drawn over the shot. If omitted, the narration is drawn.
        "caption": "It begins before sunrise.",
        // Seconds, transitions included. If omitted, 5 s or a share of target_duration.
        "duration": "3s"
        // A picture, a clip or spoken narration: an https:// URL, or a path relative to this file.
        // , "image_uri": "village.jpg"
        // , "clip_uri": "village.mp4"
        // , "narration_audio_uri": "village.m4a"
      },
      {
        "id": "boats",
        "visual_description": "Boats leave the harbour",
        "caption": "The boats are already out.",
        "duration": "3s",
        "motion": {"kind": "MOTION_KIND_ZOOM_IN"},
        "transition": {"kind": "TRANSITION_KIND_CROSS_FADE", "duration": "0.8s"}
      },
      {
        "id": "end",
        "visual_description": "The end",
        "caption": "Back at noon.",
        "duration": "3s",
        "transition": {"kind": "TRANSITION_KIND_FADE_BLACK", "duration": "1s"}
      }
    ]
  },

  // Music under the whole video: uncomment, and put the file next to this one.
  // "music": {"uri": "music.m4a", "volume": 0.3},

  // Omitted fields follow the mode.
  "output": {"fps": 30, "quality": "QUALITY_PRESET_STANDARD"}
}
"""
