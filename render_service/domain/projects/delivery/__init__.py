"""What is added to a video for those who publish it."""
