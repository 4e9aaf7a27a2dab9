"""The door of the workbench: pages of our own beside Streamlit's, where people come in and go."""
