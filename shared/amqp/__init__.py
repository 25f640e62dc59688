"""
AMQP 0-9-1 over aio-pika: a connection that comes back, batches of deliveries, confirmed
publishing.
"""
