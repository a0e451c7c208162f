"""Request and response models, strict JSON and limits. It knows no web framework."""
