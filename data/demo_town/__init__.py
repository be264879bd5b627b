"""The demo district: a made-up town, drawn by hand in the large and by a seed in the small."""
