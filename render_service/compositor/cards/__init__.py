"""Cards as layers: what a card shows becomes texts, shapes and pictures in boxes."""
