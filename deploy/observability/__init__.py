"""What is watched, when a person is called, and what people look at."""
