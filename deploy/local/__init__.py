"""
Ovation on one machine without Docker: real servers, our services as processes, one command.

`servers.py` decides where PostgreSQL and RabbitMQ come from; `system.py` starts everything on
top; `demo.py` plays the story. Tests and benchmarks start what they need the same way.
"""
