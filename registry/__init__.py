"""The Active Brand Registry: which brands are being processed, and who may commit."""
