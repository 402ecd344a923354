"""Vision-language models: four families behind one interface, for captioning and for training."""
