"""An event being edited: the pipeline's result and the edits made to it, with undo, saved in the event's folder."""
