"""
Ovation on one machine without Docker: real servers, our services as processes, one command.

`servers.py` decides where PostgreSQL and RabbitMQ come from; `system.py` starts everything on top.
The demo, tests and benchmarks use it; production imports nothing of it.
"""
