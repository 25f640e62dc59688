"""What live asks others for: the host application, how people are shown."""
