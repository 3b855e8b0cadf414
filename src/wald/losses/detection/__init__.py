"""Detection: boxes, the quality of what was found, heatmaps and keypoints."""
