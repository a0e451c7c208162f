"""Requests that wait at the same moment become one pass through the workspace's gate."""
