"""
What a consumer of Ovation's events needs, for other teams: the wheel brings it as `ovation.kit`.

It stands alone: contracts, aio-pika, asyncpg and prometheus-client, nothing else of Ovation. Our
own services take the connection, the batches and the reading of messages from here; `consumer`,
which they do not need, has metrics of its own.
"""
