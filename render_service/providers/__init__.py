"""Video providers: each turns the shots of a project into clips, or a whole project into a video."""
