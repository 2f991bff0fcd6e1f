"""Speech: narration texts become sound and the times of their words."""
