"""The compositor beside Remotion: the same storyboard with the same six layers."""
