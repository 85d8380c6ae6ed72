"""Writing what scores are made of, the models, and the published scores. Nothing else writes these tables."""
