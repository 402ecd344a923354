"""Everything Gradio lives here: it shows, `core` decides."""
