"""The HTTP surface: one blueprint a resource, one guard in front, one error shape behind."""
