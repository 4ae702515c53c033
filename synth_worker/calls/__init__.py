"""One call to a model: engines, flow control, prompts."""
