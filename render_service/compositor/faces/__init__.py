"""Where the faces of a picture or clip are, so that a crop keeps them."""
