"""How fast this is, as ratios against floors measured in the same run on the same server."""
