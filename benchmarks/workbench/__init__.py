"""R11: a rerun of the Creatives page over 100,000 ads, beside a page that holds the whole frame."""
