"""Reads texts: language, labels of a closed taxonomy with evidence, and the measure of how good the labels are."""
