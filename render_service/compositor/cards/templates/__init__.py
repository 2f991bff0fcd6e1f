"""The templates of cards, one module each: from what a card says to its layers."""
