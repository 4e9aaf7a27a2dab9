"""What Adology knows and decides. Imports neither Streamlit nor Flask, nor any other package of ours."""
