"""Composes storyboards into finished videos: pictures, captions, sound, segments, joining and the check at the end."""
