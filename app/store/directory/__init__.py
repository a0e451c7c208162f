"""Records of the directory."""
