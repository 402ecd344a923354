"""The Montage library: photos in, posts out. Knows neither Ray nor Gradio."""
