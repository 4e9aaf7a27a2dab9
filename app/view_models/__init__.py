"""What pages show, as plain values: query results + filters + today → frozen dataclasses. No Streamlit here."""
