"""The full-screen front end: a fold over the event stream, drawn with Textual."""
