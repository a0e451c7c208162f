"""The providers that come with the service: one file each."""
