"""What runs the lessons: the catalogue, the terminal player, checks, hints, progress, notebook building."""
