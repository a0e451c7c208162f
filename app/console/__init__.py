"""The console: pages for people under `/console`. It shows and does what the API can, and decides nothing."""
