"""Images: how alike two are to the eye, how smooth one is, depth and registration."""
